-- purpose: an outbox row may be the deletion of its record
-- reads:   nothing
-- writes:  publish.outbox
-- run by:  Warehouse.migrate, once, in one transaction with its own record

-- deleted: the version is the end of the record. A receiver that cannot be told of deletions never hears of it.
ALTER TABLE publish.outbox ADD COLUMN deleted boolean NOT NULL DEFAULT false;
