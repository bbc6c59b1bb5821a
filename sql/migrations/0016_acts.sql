-- purpose: what people did from the pages of the console, and an index for the page of what receivers refused
-- reads:   nothing
-- writes:  ops.acts, an index of publish.outbox
-- run by:  Warehouse.migrate, once, in one transaction with its own record

-- One act of one person: written in the transaction that carries it out. What it was done to stands in dataset, place
-- (a unit, a receiver) and subject (a record key, a number); counts and names, never a value of a row.
CREATE TABLE ops.acts (
    act_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    by      text        NOT NULL CHECK (by <> ''),
    act     text        NOT NULL CHECK (act IN ('redrive', 'resend')),
    dataset text        NOT NULL DEFAULT '',
    place   text        NOT NULL DEFAULT '',
    subject text        NOT NULL DEFAULT '',
    count   bigint      NOT NULL DEFAULT 0,
    reason  text        NOT NULL DEFAULT ''
);
CREATE FUNCTION ops.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'ops.% only grows: % refused', TG_TABLE_NAME, TG_OP;
END $$;
CREATE TRIGGER acts_only_grow BEFORE UPDATE OR DELETE OR TRUNCATE ON ops.acts
    FOR EACH STATEMENT EXECUTE FUNCTION ops.refuse_change();

-- What was refused is a handful among all that was ever sent.
CREATE INDEX outbox_dead ON publish.outbox (endpoint, dataset, record_key) WHERE state = 'dead';
