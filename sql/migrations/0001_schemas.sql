-- purpose: the schemas of the warehouse and the tables that machinery writes
-- reads:   nothing
-- writes:  schemas landing, core, history, quarantine, publish, ops, marts
-- run by:  Warehouse.migrate, once, in one transaction with its own record

CREATE SCHEMA landing;
CREATE SCHEMA core;
CREATE SCHEMA history;
CREATE SCHEMA quarantine;
CREATE SCHEMA publish;
CREATE SCHEMA marts;

-- Whether a text can be read as a type, without raising. PostgreSQL 16 has it built in.
DO $$
BEGIN
    IF current_setting('server_version_num')::int >= 160000 THEN
        CREATE FUNCTION ops.fits(value text, kind text) RETURNS boolean
        LANGUAGE sql STABLE STRICT PARALLEL SAFE AS 'SELECT pg_input_is_valid($1, $2)';
    ELSE
        CREATE FUNCTION ops.fits(value text, kind text) RETURNS boolean
        LANGUAGE plpgsql STABLE STRICT AS $body$
        BEGIN
            EXECUTE format('SELECT %L::%s', value, kind);
            RETURN true;
        EXCEPTION WHEN data_exception THEN
            RETURN false;
        END $body$;
    END IF;
END $$;

-- One row per try of one dataset and window. At most one of a kind is open: it is resumed, never doubled.
--   read      reads sources
--   redrive   promotes rejected rows that only waited for a record of another dataset
CREATE TABLE ops.runs (
    run_id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    dataset       text        NOT NULL,
    kind          text        NOT NULL DEFAULT 'read' CHECK (kind IN ('read', 'redrive')),
    window_start  timestamptz NOT NULL,
    window_end    timestamptz NOT NULL,
    state         text        NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'promoted')),
    opened_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    landed_at     timestamptz,
    judged_at     timestamptz,
    closed_at     timestamptz,
    extracted     bigint,
    inserted      bigint,
    updated       bigint,
    unchanged     bigint,
    superseded    bigint,
    quarantined   bigint,
    deleted       bigint,
    enqueued      bigint,
    CHECK (state <> 'promoted'
           OR extracted = inserted + updated + unchanged + superseded + quarantined)
);
CREATE UNIQUE INDEX runs_one_open ON ops.runs (dataset, kind, window_start) WHERE state = 'open';
CREATE INDEX runs_by_window ON ops.runs (dataset, window_start, run_id);

-- What each source gave to a run: planned when the run opens, then landed, or missing with the reason that a
-- person can act on; blocked when the judge found it too bad to promote anything of it.
CREATE TABLE ops.batches (
    run_id      bigint      NOT NULL REFERENCES ops.runs,
    source      text        NOT NULL,
    state       text        NOT NULL CHECK (state IN ('planned', 'landed', 'missing', 'blocked')),
    rows        bigint      NOT NULL DEFAULT 0,
    reason_code text,
    reason      text,
    read_at     timestamptz,
    seconds     double precision NOT NULL DEFAULT 0,
    PRIMARY KEY (run_id, source)
);

-- The recorded verdict, rule by rule: Great Expectations' count beside the count of the split.
CREATE TABLE ops.verdicts (
    run_id       bigint NOT NULL REFERENCES ops.runs,
    rule         text   NOT NULL,
    severity     text   NOT NULL CHECK (severity IN ('block', 'quarantine', 'warn')),
    expectation  text   NOT NULL,
    checked      bigint NOT NULL,
    failing      bigint NOT NULL,
    PRIMARY KEY (run_id, rule)
);
CREATE TABLE ops.verdict_sources (
    run_id   bigint NOT NULL,
    rule     text   NOT NULL,
    source   text   NOT NULL,
    failing  bigint NOT NULL,
    PRIMARY KEY (run_id, rule, source),
    FOREIGN KEY (run_id, rule) REFERENCES ops.verdicts
);

-- The newest window that each source has given whole.
CREATE TABLE ops.watermarks (
    dataset     text        NOT NULL,
    source      text        NOT NULL,
    window_end  timestamptz NOT NULL,
    updated_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (dataset, source)
);

-- Rejected rows as received. Identity: dataset, source, key and place among rows of the same key.
CREATE TABLE quarantine.rows (
    dataset     text        NOT NULL,
    source      text        NOT NULL,
    record_key  text        NOT NULL,
    place       integer     NOT NULL,
    raw         jsonb       NOT NULL,
    rules       text[]      NOT NULL,
    state       text        NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'corrected', 'waived')),
    source_time timestamp   NOT NULL,
    first_seen  timestamptz NOT NULL DEFAULT clock_timestamp(),
    last_seen   timestamptz NOT NULL DEFAULT clock_timestamp(),
    first_run   bigint      NOT NULL REFERENCES ops.runs,
    last_run    bigint      NOT NULL REFERENCES ops.runs,
    closed_at   timestamptz,
    PRIMARY KEY (dataset, source, record_key, place)
);
CREATE INDEX quarantine_open ON quarantine.rows (dataset, record_key) WHERE state = 'open';
CREATE INDEX quarantine_by_run ON quarantine.rows (last_run);

-- What a receiver still has to hear. Written in the promote transaction; one row per record and version.
--   pending     to be sent, not before next_attempt_at
--   claimed     in the hands of the sender that holds the token
--   in_doubt    sent, but no answer came: asked of the receiver before anything else
--   done        accepted; a receipt exists
--   dead        refused; the receiver's words are in the receipt
--   superseded  a newer version was promoted before this one left
-- mark is what a lookup at the receiver can show of the version; it tells an update that arrived from one that
-- did not.
CREATE TABLE publish.outbox (
    endpoint        text        NOT NULL,
    dataset         text        NOT NULL,
    record_key      text        NOT NULL,
    version         bigint      NOT NULL,
    order_key       text        NOT NULL,
    state           text        NOT NULL DEFAULT 'pending'
                    CHECK (state IN ('pending', 'claimed', 'in_doubt', 'done', 'dead', 'superseded')),
    attempts        integer     NOT NULL DEFAULT 0,
    next_attempt_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    token           bigint,
    mark            text,
    reason          text,
    run_id          bigint      NOT NULL REFERENCES ops.runs,
    enqueued_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    settled_at      timestamptz,
    PRIMARY KEY (endpoint, dataset, record_key, version)
) WITH (fillfactor = 80);
-- In this order a sender walks through the backlog: the records of one order key side by side and in sequence.
CREATE INDEX outbox_open ON publish.outbox (endpoint, dataset, order_key, record_key, version)
    WHERE state IN ('pending', 'claimed', 'in_doubt');
CREATE SEQUENCE publish.tokens;

-- The exact text of each record that is being sent or is in doubt, so that a repetition is the same to the byte.
-- Gone as soon as the record is settled: personal values do not stay here.
CREATE TABLE publish.bodies (
    endpoint    text   NOT NULL,
    dataset     text   NOT NULL,
    record_key  text   NOT NULL,
    version     bigint NOT NULL,
    body        text   NOT NULL,
    PRIMARY KEY (endpoint, dataset, record_key, version)
);

-- What a receiver said about one version of one record. Rows are only ever added; each carries the hash of
-- the one before it, so that a change, a gap or a reordering shows.
CREATE TABLE publish.receipts (
    endpoint    text        NOT NULL,
    place       bigint      NOT NULL,
    dataset     text        NOT NULL,
    record_key  text        NOT NULL,
    version     bigint      NOT NULL,
    outcome     text        NOT NULL CHECK (outcome IN ('accepted', 'refused')),
    code        text        NOT NULL,
    message     text        NOT NULL,
    request_id  text        NOT NULL,
    body_sha256 text        NOT NULL,
    answered_at timestamptz NOT NULL,
    previous    text        NOT NULL,
    hash        text        NOT NULL,
    PRIMARY KEY (endpoint, place)
);
CREATE INDEX receipts_by_record ON publish.receipts (endpoint, dataset, record_key, version);
-- The end of each chain, and the newest sender: a write that carries an older token is refused.
CREATE TABLE publish.chain_heads (
    endpoint    text   PRIMARY KEY,
    place       bigint NOT NULL,
    hash        text   NOT NULL,
    token       bigint NOT NULL
);

-- One row per request to a receiver, for the audit trail of Decree 278/2025: counts and codes, no content.
CREATE TABLE publish.calls (
    request_id  text        PRIMARY KEY,
    endpoint    text        NOT NULL,
    service     text        NOT NULL,
    records     integer     NOT NULL,
    outcome     text        NOT NULL,
    code        text        NOT NULL,
    message     text        NOT NULL,
    started_at  timestamptz NOT NULL,
    seconds     double precision NOT NULL
);
CREATE INDEX calls_by_time ON publish.calls (endpoint, started_at);

CREATE FUNCTION publish.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'publish.receipts only grows: % refused', TG_OP;
END $$;
CREATE TRIGGER receipts_only_grow BEFORE UPDATE OR DELETE OR TRUNCATE ON publish.receipts
    FOR EACH STATEMENT EXECUTE FUNCTION publish.refuse_change();
