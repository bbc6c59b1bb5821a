-- purpose: the scorecard: when each source delivered, what redrives mended, quality a unit, dataset, day and dimension
-- reads:   ops.runs, quarantine.rows (in the view)
-- writes:  ops.deliveries, ops.redriven, marts.quality, marts.quality_history, marts.refreshed, marts.quality_matrix
-- run by:  Warehouse.migrate, once, in one transaction with its own record

-- What one source gave to one run, as the judge recorded it: rows kept out by a rule (a block of the whole source
-- stands in ops.batches), and the moment of people at which its verdict was there, or NULL when it gave nothing.
CREATE TABLE ops.deliveries (
    run_id       bigint      NOT NULL REFERENCES ops.runs,
    source       text        NOT NULL,
    rejected     bigint      NOT NULL,
    delivered_at timestamptz,
    due_at       timestamptz NOT NULL,
    PRIMARY KEY (run_id, source)
);

-- By how many rows a redrive makes the failures of each dimension in its window fewer, and the rejected ones
-- (dimension ''). A rule that is only waived is still broken.
CREATE TABLE ops.redriven (
    run_id    bigint NOT NULL REFERENCES ops.runs,
    source    text   NOT NULL,
    dimension text   NOT NULL,
    rows      bigint NOT NULL,
    PRIMARY KEY (run_id, source, dimension)
);

-- One row per source, dataset, day and dimension of ISO 8000. A source is a unit's code, or the name of the one
-- connection. Made from ops.* by sql/marts/, and could be made again from nothing.
--   checked, failing  rows that rules of the dimension looked at, and those that break at least one of them
--   score             1 - failing / checked; NULL where nothing was measured. Timeliness is 0 for a source that
--                     delivered nothing, or after the latency that its contract promises.
--   rows, rejected    rows that the source delivered, and those that rules or a block kept out
--   open_rows         rejected rows of this day that are still open in quarantine
--   run_id            the run whose verdict this is
CREATE TABLE marts.quality (
    dataset      text        NOT NULL,
    source       text        NOT NULL,
    day          date        NOT NULL,
    dimension    text        NOT NULL
                 CHECK (dimension IN ('completeness', 'consistency', 'timeliness', 'uniqueness', 'validity')),
    state        text        NOT NULL CHECK (state IN ('landed', 'missing', 'blocked')),
    checked      bigint      NOT NULL,
    failing      bigint      NOT NULL,
    score        numeric(7, 6) CHECK (score BETWEEN 0 AND 1),
    rows         bigint      NOT NULL,
    rejected     bigint      NOT NULL,
    open_rows    bigint      NOT NULL DEFAULT 0,
    delivered_at timestamptz,
    due_at       timestamptz,
    run_id       bigint      NOT NULL,
    valid_from   timestamptz NOT NULL,
    PRIMARY KEY (dataset, source, day, dimension)
);
CREATE INDEX quality_by_day ON marts.quality (day);
CREATE INDEX quality_open ON marts.quality (dataset, source, day) WHERE open_rows > 0;

-- What marts.quality said before a window was restated, and from when to when it said so.
CREATE TABLE marts.quality_history (
    LIKE marts.quality,
    valid_to timestamptz NOT NULL,
    place    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY
);
CREATE INDEX quality_history_by_cell ON marts.quality_history (dataset, source, day);

-- The runs of each window as the scorecard has seen them: a window whose runs look otherwise is made again.
CREATE TABLE marts.refreshed (
    dataset      text        NOT NULL,
    window_start timestamptz NOT NULL,
    seen         text        NOT NULL,
    PRIMARY KEY (dataset, window_start)
);

-- One row per unit and dataset: its newest day, and the means over the 7 and 30 days up to the dataset's newest.
-- Days on which nothing was measured are not in a mean. score is the mean of the measured dimensions. open_rows is
-- every open row of the unit, whatever its day. A unit without a row in those 30 days is not listed.
CREATE VIEW marts.quality_matrix AS
WITH newest AS (
    SELECT dataset, max((window_start AT TIME ZONE 'Asia/Ho_Chi_Minh')::date) AS day FROM marts.refreshed GROUP BY 1
), days AS (
    SELECT q.dataset, q.source, q.day, n.day - q.day AS age, max(q.state) AS state, max(q.rows) AS rows,
        max(q.rejected) AS rejected,
        avg(q.score) AS score,
        max(q.score) FILTER (WHERE q.dimension = 'completeness') AS completeness,
        max(q.score) FILTER (WHERE q.dimension = 'validity') AS validity,
        max(q.score) FILTER (WHERE q.dimension = 'uniqueness') AS uniqueness,
        max(q.score) FILTER (WHERE q.dimension = 'timeliness') AS timeliness,
        max(q.score) FILTER (WHERE q.dimension = 'consistency') AS consistency
    FROM marts.quality q
    JOIN newest n ON n.dataset = q.dataset AND q.day > n.day - 30 AND q.day <= n.day
    GROUP BY q.dataset, q.source, q.day, n.day
), means AS (
    SELECT dataset, source, max(day) AS day, count(*) AS days,
        avg(score) FILTER (WHERE age < 7) AS score_7, avg(score) AS score_30,
        avg(completeness) FILTER (WHERE age < 7) AS completeness_7, avg(completeness) AS completeness_30,
        avg(validity) FILTER (WHERE age < 7) AS validity_7, avg(validity) AS validity_30,
        avg(uniqueness) FILTER (WHERE age < 7) AS uniqueness_7, avg(uniqueness) AS uniqueness_30,
        avg(timeliness) FILTER (WHERE age < 7) AS timeliness_7, avg(timeliness) AS timeliness_30,
        avg(consistency) FILTER (WHERE age < 7) AS consistency_7, avg(consistency) AS consistency_30
    FROM days
    GROUP BY dataset, source
), held AS (
    SELECT dataset, source, count(*) AS open_rows FROM quarantine.rows WHERE state = 'open' GROUP BY 1, 2
)
SELECT m.dataset, m.source, m.day, m.days, d.state, d.rows, d.rejected, coalesce(h.open_rows, 0) AS open_rows,
    round(d.score, 6) AS score, round(m.score_7, 6) AS score_7, round(m.score_30, 6) AS score_30,
    d.completeness, round(m.completeness_7, 6) AS completeness_7, round(m.completeness_30, 6) AS completeness_30,
    d.validity, round(m.validity_7, 6) AS validity_7, round(m.validity_30, 6) AS validity_30,
    d.uniqueness, round(m.uniqueness_7, 6) AS uniqueness_7, round(m.uniqueness_30, 6) AS uniqueness_30,
    d.timeliness, round(m.timeliness_7, 6) AS timeliness_7, round(m.timeliness_30, 6) AS timeliness_30,
    d.consistency, round(m.consistency_7, 6) AS consistency_7, round(m.consistency_30, 6) AS consistency_30
FROM means m
JOIN days d USING (dataset, source, day)
LEFT JOIN held h USING (dataset, source);
