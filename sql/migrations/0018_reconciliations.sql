-- purpose: what receivers hold laid beside what the warehouse holds: each look, its parts, and every difference by key
-- reads:   nothing
-- writes:  ops.reconciliations, ops.reconciled, ops.reconciliation_parts, ops.differences; the kinds of ops.problems
-- run by:  Warehouse.migrate, once, in one transaction with its own record

-- One look at one endpoint, taken up again when it was cut off.
--   open   its parts are being looked at, or it was cut off
--   done   every part that it planned was looked at or refused
--   left   cut off, and a later one began anew
-- first_day and last_day: only these days were asked for, by a person. whole_since: what the receiver can list was all
-- looked at since then, over this look and those before it; null while some of it never was, or where it lists nothing.
CREATE TABLE ops.reconciliations (
    reconciliation_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    endpoint    text        NOT NULL,
    state       text        NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'done', 'left')),
    day         date        NOT NULL,
    first_day   date,
    last_day    date,
    opened_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    closed_at   timestamptz,
    whole_since timestamptz,
    CHECK ((first_day IS NULL) = (last_day IS NULL) AND last_day >= first_day)
);
CREATE UNIQUE INDEX reconciliations_one_open ON ops.reconciliations (endpoint) WHERE state = 'open';
CREATE INDEX reconciliations_by_endpoint ON ops.reconciliations (endpoint, reconciliation_id);
COMMENT ON COLUMN ops.reconciliations.day IS 'the local day on which it was begun, as people count it';

-- Inside: the newest version of every record of one dataset that is bound to the endpoint, each counted exactly once.
-- knows: what is known of what the receiver holds: its own list, a comparison (the DAG compare), or receipts alone.
CREATE TABLE ops.reconciled (
    reconciliation_id bigint NOT NULL REFERENCES ops.reconciliations,
    dataset        text        NOT NULL,
    knows          text        NOT NULL CHECK (knows IN ('list', 'comparison', 'receipts')),
    records        bigint      NOT NULL,
    accepted       bigint      NOT NULL,
    on_the_way     bigint      NOT NULL,
    held_back      bigint      NOT NULL,
    waiting_parent bigint      NOT NULL,
    refused        bigint      NOT NULL,
    not_told       bigint      NOT NULL,
    unaccounted    bigint      NOT NULL,
    orphans        bigint      NOT NULL,
    looked_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (reconciliation_id, dataset),
    CHECK (records = accepted + on_the_way + held_back + waiting_parent + refused + not_told + unaccounted)
);
COMMENT ON COLUMN ops.reconciled.on_the_way IS 'to be sent, being sent, or in doubt';
COMMENT ON COLUMN ops.reconciled.held_back IS 'of a backfill that nobody has released';
COMMENT ON COLUMN ops.reconciled.not_told IS 'gone at the source; the receiver takes no deletion';
COMMENT ON COLUMN ops.reconciled.orphans IS 'records accepted in a version that the outbox lacks, or that core lacks';

-- One question to the receiver: a dataset whole, or one unit in a range of days. An empty unit is every unit.
--   planned  not looked at yet
--   looked   laid beside the receipts
--   refused  the answer lacks more than the brake allows, so that nothing of it was noted; reason tells
CREATE TABLE ops.reconciliation_parts (
    reconciliation_id bigint NOT NULL REFERENCES ops.reconciliations,
    number      integer     NOT NULL,
    dataset     text        NOT NULL,
    unit        text        NOT NULL DEFAULT '',
    first_day   date,
    last_day    date,
    state       text        NOT NULL DEFAULT 'planned' CHECK (state IN ('planned', 'looked', 'refused')),
    held        bigint,
    expected    bigint,
    equal       bigint,
    differing   bigint,
    on_the_way  bigint,
    reason      text,
    looked_at   timestamptz,
    PRIMARY KEY (reconciliation_id, number),
    CHECK ((first_day IS NULL) = (last_day IS NULL) AND last_day >= first_day)
);
COMMENT ON COLUMN ops.reconciliation_parts.expected IS 'records of the part whose last accepted version should be there';
COMMENT ON COLUMN ops.reconciliation_parts.equal IS 'of those expected, held as they were accepted';

-- One record that one look after the other finds otherwise; closed by the first look that no longer does.
--   unaccounted  core holds a version of which neither outbox nor receipts can say what became
--   orphan       an acceptance of a version that the outbox lacks, or of a record that core lacks
--   missing      accepted by receipt, and no longer held
--   different    held, but not in the state that was accepted last
--   extra        held, and never accepted from us
-- unit and day say in which part of the receiver's list it lies; both empty where a dataset is looked at whole.
CREATE TABLE ops.differences (
    difference_id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    endpoint          text        NOT NULL,
    dataset           text        NOT NULL,
    record_key        text        NOT NULL,
    kind              text        NOT NULL
                      CHECK (kind IN ('unaccounted', 'orphan', 'missing', 'different', 'extra')),
    fields            text[]      NOT NULL DEFAULT '{}',
    version           bigint,
    unit              text        NOT NULL DEFAULT '',
    day               date,
    first_seen        timestamptz NOT NULL DEFAULT ops.moment(),
    last_seen         timestamptz NOT NULL DEFAULT ops.moment(),
    reconciliation_id bigint      NOT NULL REFERENCES ops.reconciliations,
    sent_again        integer     NOT NULL DEFAULT 0,
    sent_again_at     timestamptz,
    closed_at         timestamptz
);
COMMENT ON COLUMN ops.differences.fields IS 'names of the fields that differ; never a value';
COMMENT ON COLUMN ops.differences.version IS 'the version accepted last, or of an unaccounted record the newest';
COMMENT ON COLUMN ops.differences.reconciliation_id IS 'the look that saw it last';
COMMENT ON COLUMN ops.differences.sent_again IS 'how often it was given to the sender once more since it opened';
CREATE UNIQUE INDEX differences_one_open ON ops.differences (endpoint, dataset, record_key, kind)
    WHERE closed_at IS NULL;
CREATE INDEX differences_by_endpoint ON ops.differences (endpoint, difference_id);

ALTER TABLE ops.problems DROP CONSTRAINT problems_kind_check;
ALTER TABLE ops.problems ADD CONSTRAINT problems_kind_check CHECK (kind IN (
    'blocked', 'source_down', 'schema_drift', 'rows', 'warnings', 'stale', 'shrunk', 'conflict', 'ended_code',
    'unreconciled'  -- receiver, receipts and warehouse do not agree about records; source is the receiver
));
