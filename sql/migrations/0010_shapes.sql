-- purpose: the shapes that the sources showed, which of them were accepted, by whom and why; which batch showed which
-- reads:   nothing
-- writes:  ops.shapes, a column of ops.batches
-- run by:  Warehouse.migrate, once, in one transaction with its own record

-- One shape of one source: columns are pairs of name and declared type, in the order in which they were first seen.
--   declared  a table: names, types, nullability
--   header    the first line of a file: names
--   seen      rows that name their own values: the names of a first page
-- The first shape that a source is landed with is accepted by the pipeline; every other one waits for a person. An
-- accepted shape stays accepted: the files of earlier windows keep theirs.
CREATE TABLE ops.shapes (
    shape_id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    dataset       text        NOT NULL,
    source        text        NOT NULL,
    kind          text        NOT NULL CHECK (kind IN ('declared', 'header', 'seen')),
    columns       jsonb       NOT NULL,
    digest        text        NOT NULL,
    told          jsonb       NOT NULL DEFAULT '{}',
    first_seen_at timestamptz NOT NULL DEFAULT ops.moment(),
    seen_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    seen_until    timestamptz NOT NULL,
    accepted_at   timestamptz,
    accepted_by   text CHECK (accepted_by <> ''),
    reason        text,
    CHECK ((accepted_at IS NULL) = (accepted_by IS NULL) AND (accepted_at IS NULL) = (reason IS NULL)),
    UNIQUE (dataset, source, digest)
);
COMMENT ON COLUMN ops.shapes.told IS
    'lines: the differences from what was accepted then, a sentence each; proposal: the change of the contract';

COMMENT ON COLUMN ops.shapes.seen_at IS 'the machine''s clock when it was seen last';
COMMENT ON COLUMN ops.shapes.seen_until IS
    'the end of the newest window that showed it; what was seen last for the newest window is what the source has now';

ALTER TABLE ops.batches ADD COLUMN shape_id bigint REFERENCES ops.shapes;
COMMENT ON COLUMN ops.batches.shape_id IS 'the shape that the source showed in its newest try, where it came so far';

-- Who accepted what and why stays as it was written.
CREATE FUNCTION ops.keep_shapes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'ops.shapes keeps what was accepted: % refused', TG_OP;
END $$;
CREATE TRIGGER shapes_only_grow BEFORE DELETE OR TRUNCATE ON ops.shapes
    FOR EACH STATEMENT EXECUTE FUNCTION ops.keep_shapes();
CREATE TRIGGER shapes_stay_accepted
    BEFORE UPDATE OF dataset, source, kind, columns, digest, accepted_at, accepted_by, reason ON ops.shapes
    FOR EACH ROW WHEN (OLD.accepted_at IS NOT NULL) EXECUTE FUNCTION ops.keep_shapes();
