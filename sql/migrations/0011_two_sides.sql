-- purpose: what another holder of our records holds otherwise, and the kinds of problems that follow from two sides
-- reads:   nothing
-- writes:  quarantine.conflicts; the kinds of ops.problems
-- run by:  Warehouse.migrate, once, in one transaction with its own record

-- One difference between core and the other holder of the same records, with that holder's version as received: the
-- version that loses is kept. A holder that changes its version again opens a new row.
--   changed  it holds a version that we never had
--   behind   it holds a version that we had before, or a record that is gone here
--   missing  it does not hold the record
--   extra    it holds a record that we never had
CREATE TABLE quarantine.conflicts (
    conflict_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    dataset     text        NOT NULL,
    holder      text        NOT NULL,
    record_key  text        NOT NULL,
    kind        text        NOT NULL CHECK (kind IN ('changed', 'behind', 'missing', 'extra')),
    columns     text[]      NOT NULL,
    theirs      jsonb,
    our_version bigint,
    first_seen  timestamptz NOT NULL DEFAULT ops.moment(),
    last_seen   timestamptz NOT NULL DEFAULT ops.moment(),
    closed_at   timestamptz
);
COMMENT ON COLUMN quarantine.conflicts.columns IS 'names of the columns that differ; empty where one side lacks the record';
COMMENT ON COLUMN quarantine.conflicts.last_seen IS 'when something about it was last seen to change';
COMMENT ON COLUMN quarantine.conflicts.theirs IS 'the holder''s version as received; personal values stay here';
CREATE UNIQUE INDEX conflicts_one_open ON quarantine.conflicts (dataset, holder, record_key) WHERE closed_at IS NULL;

-- One row for each comparison that was made whole.
CREATE TABLE ops.comparisons (
    comparison_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    dataset       text        NOT NULL,
    holder        text        NOT NULL,
    window_end    timestamptz NOT NULL,
    theirs        bigint      NOT NULL,
    equal         bigint      NOT NULL,
    differing     bigint      NOT NULL,
    on_the_way    bigint      NOT NULL,
    sent_again    bigint      NOT NULL,
    compared_at   timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON COLUMN ops.comparisons.on_the_way IS 'records that differ because the outbox still holds them';
CREATE INDEX comparisons_by_dataset ON ops.comparisons (dataset, comparison_id);

ALTER TABLE ops.problems DROP CONSTRAINT problems_kind_check;
ALTER TABLE ops.problems ADD CONSTRAINT problems_kind_check CHECK (kind IN (
    'blocked', 'source_down', 'schema_drift', 'rows', 'warnings', 'stale',
    'shrunk',      -- the source no longer holds more records than the contract's brake on deletions allows
    'conflict',    -- another holder of the records holds them otherwise; source is the holder
    'ended_code'   -- rows of the source point to codes that their catalogue has ended
));
