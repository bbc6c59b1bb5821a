-- purpose: the scorecard's rows of the touched windows, as the ledger has them now
-- reads:   touched, ops.runs, ops.batches, ops.deliveries, ops.verdict_dimensions, ops.redriven
-- writes:  temporary table fresh
-- run by:  warehouse.marts.refresh

CREATE TEMPORARY TABLE fresh ON COMMIT DROP AS
WITH lots AS (
    SELECT t.dataset, t.window_start, t.day, r.again, b.source, b.run_id, b.state, b.rows, d.rejected, d.due_at,
        -- Read again, a window that came in time is not late: its first delivery counts.
        min(d.delivered_at) OVER same AS delivered_at
    FROM touched t
    JOIN ops.runs r ON r.dataset = t.dataset AND r.window_start = t.window_start AND r.kind = 'read'
    JOIN ops.batches b USING (run_id)
    LEFT JOIN ops.deliveries d USING (run_id, source)
    WHERE b.source <> %(waiting)s
      AND (b.state = 'missing' OR (b.state IN ('landed', 'blocked') AND r.state = 'promoted'))
    WINDOW same AS (PARTITION BY t.dataset, t.window_start, b.source)
), base AS (
    -- The newest run that brought the source decides; that a later one did not reach it takes nothing away.
    SELECT DISTINCT ON (dataset, window_start, source) *, coalesce(delivered_at <= due_at, false) AS in_time
    FROM lots
    ORDER BY dataset, window_start, source, (state <> 'missing') DESC, (state = 'landed') DESC, again, run_id DESC
), mended AS (
    SELECT b.dataset, b.window_start, b.source, d.dimension, sum(d.rows) AS rows
    FROM base b
    JOIN ops.runs r ON r.dataset = b.dataset AND r.window_start = b.window_start AND r.kind = 'redrive'
        AND r.state = 'promoted' AND r.run_id > b.run_id
    JOIN ops.redriven d ON d.run_id = r.run_id AND d.source = b.source
    GROUP BY 1, 2, 3, 4
), counted AS (
    SELECT b.*, k.dimension, k.dimension = 'timeliness' AS timely,
        CASE WHEN b.state = 'missing' THEN 0 WHEN k.dimension = 'timeliness' THEN b.rows ELSE coalesce(v.checked, 0) END
            AS checked,
        greatest(coalesce(v.failing, 0) - coalesce(m.rows, 0), 0) AS broken,
        CASE WHEN b.state = 'blocked' THEN b.rows ELSE coalesce(b.rejected, 0) END AS kept_out,
        coalesce(g.rows, 0) AS let_in
    FROM base b
    CROSS JOIN (
        VALUES ('completeness'), ('consistency'), ('timeliness'), ('uniqueness'), ('validity')
    ) AS k (dimension)
    LEFT JOIN ops.verdict_dimensions v
        ON v.run_id = b.run_id AND v.source = b.source AND v.dimension = k.dimension AND b.state <> 'missing'
    LEFT JOIN mended m
        ON (m.dataset, m.window_start, m.source, m.dimension) = (b.dataset, b.window_start, b.source, k.dimension)
    LEFT JOIN mended g
        ON (g.dataset, g.window_start, g.source, g.dimension) = (b.dataset, b.window_start, b.source, '')
), judged AS (
    SELECT *, CASE WHEN timely AND NOT in_time THEN checked ELSE least(broken, checked) END AS failing
    FROM counted
)
SELECT dataset, source, day, dimension, state, checked, failing::bigint AS failing,
    CASE
        WHEN checked > 0 THEN round(1 - failing::numeric / checked, 6)
        WHEN timely THEN in_time::int::numeric
    END AS score,
    rows, greatest(kept_out - let_in, 0)::bigint AS rejected, delivered_at, due_at, run_id
FROM judged
