-- purpose: what days of a dataset, or of some of its units, are expected to bring and to take: a day that was read
--          from every source what it brought last, any other the middle of the last sixty windows
-- reads:   ops.runs, ops.batches
-- writes:  nothing
-- run by:  backfill.plan, for a preview

WITH windows AS (
    SELECT
        r.run_id, r.window_start,
        sum(b.rows) FILTER (WHERE cardinality(%(units)s::text[]) = 0 OR b.source = ANY (%(units)s)) AS rows,
        -- the time between opening and promoting; a run that waited for a day says nothing
        CASE WHEN cardinality(%(units)s::text[]) = 0 THEN extract(epoch FROM r.closed_at - r.opened_at)
             ELSE sum(b.seconds) FILTER (WHERE b.source = ANY (%(units)s)) + 1 END AS seconds
    FROM ops.runs r
    JOIN ops.batches b USING (run_id)
    WHERE r.dataset = %(dataset)s AND r.kind = 'read' AND r.state = 'promoted' AND NOT r.partial
      AND r.closed_at - r.opened_at < interval '1 hour'
    GROUP BY r.run_id
    ORDER BY r.run_id DESC
    LIMIT 60
), usual AS (
    SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY rows) AS rows,
        percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds) AS seconds
    FROM windows
), before AS (
    SELECT DISTINCT ON (r.window_start, b.source) r.window_start, b.rows, b.state
    FROM ops.runs r
    JOIN ops.batches b USING (run_id)
    WHERE r.dataset = %(dataset)s AND r.kind = 'read' AND r.window_start = ANY (%(windows)s::timestamptz[])
      AND (cardinality(%(units)s::text[]) = 0 OR b.source = ANY (%(units)s))
    ORDER BY r.window_start, b.source, (b.state IN ('landed', 'blocked')) DESC, r.run_id DESC
), own AS (
    SELECT window_start, sum(rows) AS rows FROM before
    GROUP BY window_start HAVING bool_and(state IN ('landed', 'blocked'))
)
SELECT sum(coalesce(o.rows, u.rows)) AS rows, count(*) * max(u.seconds) AS seconds
FROM unnest(%(windows)s::timestamptz[]) AS w (window_start)
CROSS JOIN usual u
LEFT JOIN own o USING (window_start)
