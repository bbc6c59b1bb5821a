-- purpose: the way back from quarantine: where a row came from, every change of its state, waivers, selections
-- reads:   ops.runs
-- writes:  quarantine.rows, quarantine.transitions, quarantine.waivers, columns of ops.runs
-- run by:  Warehouse.migrate, once, in one transaction with its own record

-- partial    the run reads only some of the sources that the dataset has: what it does not hold is not deleted
-- marked_at  the marks show what other datasets held until then
-- selection  of a redrive: which held rows it takes up, who asked for it and why
ALTER TABLE ops.runs
    ADD COLUMN partial boolean NOT NULL DEFAULT false,
    ADD COLUMN again boolean NOT NULL DEFAULT false,
    ADD COLUMN marked_at timestamptz,
    ADD COLUMN selection jsonb;

-- Who lets which record pass although it breaks which rules, why, and until when.
CREATE TABLE quarantine.waivers (
    waiver_id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    dataset     text        NOT NULL,
    source      text        NOT NULL,
    record_key  text        NOT NULL,
    rules       text[]      NOT NULL CHECK (cardinality(rules) > 0),
    reason      text        NOT NULL,
    granted_by  text        NOT NULL,
    granted_at  timestamptz NOT NULL DEFAULT ops.moment(),
    valid_until timestamptz NOT NULL,
    revoked_at  timestamptz,
    revoked_by  text,
    CHECK ((revoked_at IS NULL) = (revoked_by IS NULL))
);
CREATE INDEX waivers_of_record ON quarantine.waivers (dataset, source, record_key);

-- Where a row stands:
--   open       held; its owner is told
--   corrected  a good version of the same record, as new or newer, was promoted
--   withdrawn  its source was read again for the same window and no longer gives it
--   waived     promoted although it breaks a rule, by a waiver
--   released   promoted as it was held, because the rule or the record that it refers to has changed
-- Any of them is open again when the source gives the record anew and it is rejected.
-- first_seen, last_seen, closed_at are times of people; last_seen is when the row last came with something new.
-- judged_at is the machine's clock: what other datasets hold since then, the row was not judged by.
ALTER TABLE quarantine.rows
    DROP CONSTRAINT rows_state_check,
    ADD CONSTRAINT rows_state_check CHECK (state IN ('open', 'corrected', 'withdrawn', 'waived', 'released')),
    ALTER COLUMN first_seen SET DEFAULT ops.moment(),
    ALTER COLUMN last_seen SET DEFAULT ops.moment(),
    ADD COLUMN line bigint NOT NULL DEFAULT 0,
    ADD COLUMN window_start timestamptz,
    ADD COLUMN window_end timestamptz,
    ADD COLUMN judged_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    ADD COLUMN waiver bigint REFERENCES quarantine.waivers;
COMMENT ON COLUMN quarantine.rows.line IS 'Place among the rows that its source gave in the window; 0: not known';
COMMENT ON COLUMN quarantine.rows.window_start IS 'Window in which the row came last';
UPDATE quarantine.rows q
SET window_start = r.window_start, window_end = r.window_end, judged_at = q.last_seen
FROM ops.runs r
WHERE r.run_id = q.last_run;
ALTER TABLE quarantine.rows ALTER COLUMN window_start SET NOT NULL, ALTER COLUMN window_end SET NOT NULL;
CREATE INDEX quarantine_open_by_window ON quarantine.rows (dataset, window_start, source) WHERE state = 'open';

-- Every step of every held row, written by the table itself: from_state is NULL for the first.
CREATE TABLE quarantine.transitions (
    transition_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    dataset       text        NOT NULL,
    source        text        NOT NULL,
    record_key    text        NOT NULL,
    place         integer     NOT NULL,
    from_state    text,
    to_state      text        NOT NULL,
    rules         text[]      NOT NULL,
    at            timestamptz NOT NULL,
    run_id        bigint,
    actor         text        NOT NULL,
    reason        text        NOT NULL,
    waiver        bigint REFERENCES quarantine.waivers
);
CREATE INDEX transitions_of_row ON quarantine.transitions (dataset, record_key, source, place, transition_id);
INSERT INTO quarantine.transitions
    (dataset, source, record_key, place, from_state, to_state, rules, at, run_id, actor, reason)
SELECT dataset, source, record_key, place, NULL, state, rules, coalesce(closed_at, last_seen), last_run, 'pipeline',
    'state when the ledger of transitions began'
FROM quarantine.rows;

-- Who acts and why is said once a transaction: set_config('lienthong.actor', ..., true), lienthong.reason,
-- lienthong.run.
CREATE FUNCTION quarantine.said(name text) RETURNS text LANGUAGE sql STABLE AS
    $$SELECT nullif(current_setting('lienthong.' || name, true), '')$$;

CREATE FUNCTION quarantine.note_new() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO quarantine.transitions
        (dataset, source, record_key, place, from_state, to_state, rules, at, run_id, actor, reason, waiver)
    SELECT n.dataset, n.source, n.record_key, n.place, NULL, n.state, n.rules, s.moment,
        coalesce(s.run, n.last_run), s.actor, s.reason, n.waiver
    FROM new_rows n
    CROSS JOIN (
        SELECT ops.moment() AS moment, quarantine.said('run')::bigint AS run,
            coalesce(quarantine.said('actor'), 'pipeline') AS actor, coalesce(quarantine.said('reason'), '') AS reason
        OFFSET 0
    ) s
    ORDER BY n.dataset, n.source, n.record_key, n.place;
    RETURN NULL;
END $$;

CREATE FUNCTION quarantine.note_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO quarantine.transitions
        (dataset, source, record_key, place, from_state, to_state, rules, at, run_id, actor, reason, waiver)
    SELECT n.dataset, n.source, n.record_key, n.place, o.state, n.state, n.rules, s.moment, s.run, s.actor,
        coalesce((SELECT w.reason FROM quarantine.waivers w WHERE n.state = 'waived' AND w.waiver_id = n.waiver),
                 s.reason),
        n.waiver
    FROM new_rows n
    JOIN old_rows o USING (dataset, source, record_key, place)
    CROSS JOIN (
        SELECT ops.moment() AS moment, quarantine.said('run')::bigint AS run,
            coalesce(quarantine.said('actor'), 'pipeline') AS actor, coalesce(quarantine.said('reason'), '') AS reason
        OFFSET 0
    ) s
    WHERE o.state <> n.state OR o.rules <> n.rules
    ORDER BY n.dataset, n.source, n.record_key, n.place;
    RETURN NULL;
END $$;

CREATE TRIGGER rows_note_new AFTER INSERT ON quarantine.rows
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION quarantine.note_new();
CREATE TRIGGER rows_note_change AFTER UPDATE ON quarantine.rows
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION quarantine.note_change();

-- Nothing is deleted, no row becomes another, and what was written about it stays as it was written.
CREATE FUNCTION quarantine.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'quarantine.% only grows: % refused', TG_TABLE_NAME, TG_OP;
END $$;
CREATE TRIGGER rows_only_grow BEFORE DELETE OR TRUNCATE ON quarantine.rows
    FOR EACH STATEMENT EXECUTE FUNCTION quarantine.refuse_change();
CREATE TRIGGER rows_keep_identity BEFORE UPDATE OF dataset, source, record_key, place, first_seen, first_run
    ON quarantine.rows FOR EACH STATEMENT EXECUTE FUNCTION quarantine.refuse_change();
CREATE TRIGGER transitions_only_grow BEFORE UPDATE OR DELETE OR TRUNCATE ON quarantine.transitions
    FOR EACH STATEMENT EXECUTE FUNCTION quarantine.refuse_change();
CREATE TRIGGER waivers_only_grow BEFORE DELETE OR TRUNCATE ON quarantine.waivers
    FOR EACH STATEMENT EXECUTE FUNCTION quarantine.refuse_change();
CREATE TRIGGER waivers_are_only_revoked
    BEFORE UPDATE OF dataset, source, record_key, rules, reason, granted_by, granted_at, valid_until
    ON quarantine.waivers FOR EACH STATEMENT EXECUTE FUNCTION quarantine.refuse_change();
