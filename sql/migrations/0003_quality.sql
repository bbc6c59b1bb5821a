-- purpose: the clock of people, and what the judge keeps beside its counts
-- reads:   nothing
-- writes:  ops.clock, ops.moment(), ops.validations, ops.verdict_dimensions, ops.measures
-- run by:  Warehouse.migrate, once, in one transaction with its own record

-- The moment at which people live. Empty in a real province: the server's clock. The sandbox, whose days lie in the
-- past, keeps one row here, so that "yesterday", "since when" and "out of office hours" mean something there too.
CREATE TABLE ops.clock (
    only_row  boolean     PRIMARY KEY DEFAULT true CHECK (only_row),
    stands_at timestamptz NOT NULL
);
CREATE FUNCTION ops.moment() RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE AS
    'SELECT coalesce((SELECT stands_at FROM ops.clock), clock_timestamp())';

-- Great Expectations' own result of a run, without a value of any row. Retention is the housekeeping's.
CREATE TABLE ops.validations (
    run_id bigint PRIMARY KEY REFERENCES ops.runs,
    result jsonb  NOT NULL
);

-- Rows of one source that break at least one rule of a dimension: the base of the scorecard.
CREATE TABLE ops.verdict_dimensions (
    run_id    bigint NOT NULL REFERENCES ops.runs,
    source    text   NOT NULL,
    dimension text   NOT NULL,
    checked   bigint NOT NULL,
    failing   bigint NOT NULL,
    PRIMARY KEY (run_id, source, dimension)
);

-- What a rule about a window counted: rows, empty cells, rows of each code (never another value). Source (dataset)
-- is all of them together. A window read again replaces its measures; rules look at the windows before theirs,
-- whatever the order in which they ran. Retention is the housekeeping's; sixty days are looked back.
-- In ops.verdicts and ops.verdict_sources such a rule counts sources: checked are those that it could compare,
-- failing those that break it, one each.
CREATE TABLE ops.measures (
    dataset      text             NOT NULL,
    rule         text             NOT NULL,
    window_start timestamptz      NOT NULL,
    source       text             NOT NULL,
    part         text             NOT NULL,
    value        double precision NOT NULL,
    run_id       bigint           NOT NULL REFERENCES ops.runs,
    PRIMARY KEY (dataset, rule, window_start, source, part)
);
