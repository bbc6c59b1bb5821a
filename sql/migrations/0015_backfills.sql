-- purpose: backfills that people asked for: what each covers, its parts in the order in which Airflow is given them
-- reads:   nothing
-- writes:  ops.backfills, ops.backfill_parts, ops.backfill_acts, ops.runs
-- run by:  Warehouse.migrate, once, in one transaction with its own record

-- One request of a person. Days are local days, both included.
--   open       its parts wait or run
--   paused     nothing new is started; what runs ends
--   cancelled  what had not begun never will
--   done       every part has ended; what failed stands in the ledger
-- held: what its windows hand to the receivers waits until somebody releases it.
CREATE TABLE ops.backfills (
    backfill_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    datasets     text[]      NOT NULL CHECK (cardinality(datasets) > 0),
    units        text[]      NOT NULL DEFAULT '{}',
    first_day    date        NOT NULL,
    last_day     date        NOT NULL CHECK (last_day >= first_day),
    reprocess    boolean     NOT NULL DEFAULT false,
    newest_first boolean     NOT NULL DEFAULT false,
    held         boolean     NOT NULL DEFAULT false,
    state        text        NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'paused', 'cancelled', 'done')),
    asked_by     text        NOT NULL,
    asked_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at     timestamptz
);

-- Days of one dataset that are run without a gap: one backfill of Airflow's own, or with units one walk by us.
-- number is the place in the queue. A part of Airflow's that runs without airflow_id was cut off while it was begun.
-- A walk goes on with next_day; when that is null, every day was walked once and those of again are walked once more.
CREATE TABLE ops.backfill_parts (
    backfill_id  bigint  NOT NULL REFERENCES ops.backfills,
    number       integer NOT NULL,
    dataset      text    NOT NULL,
    first_day    date    NOT NULL,
    last_day     date    NOT NULL CHECK (last_day >= first_day),
    state        text    NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'running', 'cancelled', 'done')),
    airflow_id   bigint,
    next_day     date,
    again        date[]  NOT NULL DEFAULT '{}',
    begun_at     timestamptz,
    ended_at     timestamptz,
    PRIMARY KEY (backfill_id, number)
);
CREATE INDEX backfill_parts_open ON ops.backfill_parts (dataset) WHERE state IN ('waiting', 'running');

-- What people did to a backfill, and when.
CREATE TABLE ops.backfill_acts (
    act_id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    backfill_id bigint      NOT NULL REFERENCES ops.backfills,
    act         text        NOT NULL CHECK (act IN ('asked', 'paused', 'resumed', 'cancelled', 'released')),
    by          text        NOT NULL,
    at          timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Whose run it is: what a run of a held backfill promotes waits, whatever else ran the same day.
ALTER TABLE ops.runs ADD COLUMN backfill_id bigint REFERENCES ops.backfills;
CREATE INDEX runs_of_backfill ON ops.runs (backfill_id) WHERE backfill_id IS NOT NULL;
