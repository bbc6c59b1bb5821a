-- purpose: whether a record was accepted is read from the index of the receipts alone
-- reads:   nothing
-- writes:  an index of publish.receipts
-- run by:  Warehouse.migrate, once, in one transaction with its own record

-- The index of decision 766 asks it of every dossier of a quarter: by the table that is a million single reads.
DROP INDEX publish.receipts_by_record;
CREATE INDEX receipts_by_record ON publish.receipts (endpoint, dataset, record_key, version) INCLUDE (outcome);
