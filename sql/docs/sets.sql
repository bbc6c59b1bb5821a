-- purpose: what each day's pages say in sum: of each source, the newest reading that brought it
-- reads:   ops.runs, ops.batches, ops.deliveries
-- writes:  nothing
-- run by:  quality.docs

WITH newest AS (
    SELECT DISTINCT ON (r.dataset, r.window_start, b.source)
        (r.window_start AT TIME ZONE %(timezone)s)::date AS day, r.dataset, b.state, b.rows,
        CASE WHEN b.state = 'blocked' THEN b.rows ELSE coalesce(d.rejected, 0) END AS rejected
    FROM ops.runs r
    JOIN ops.batches b USING (run_id)
    LEFT JOIN ops.deliveries d USING (run_id, source)
    WHERE r.kind = 'read' AND r.judged_at IS NOT NULL AND b.source NOT LIKE '(%%'
      AND (r.window_start AT TIME ZONE %(timezone)s)::date = ANY (%(days)s::date[])
    ORDER BY r.dataset, r.window_start, b.source, (b.state <> 'missing') DESC, r.run_id DESC
)
SELECT day, count(DISTINCT dataset) AS datasets, sum(rows)::bigint AS rows, sum(rejected)::bigint AS rejected,
    count(*) FILTER (WHERE state = 'missing') AS missing, count(*) FILTER (WHERE state = 'blocked') AS blocked
FROM newest
GROUP BY day
ORDER BY day DESC
