-- purpose: the days of a dataset of which nothing is missing: promoted, and every source (or each of some) was landed
-- reads:   ops.runs, ops.batches
-- writes:  nothing
-- run by:  backfill.plan, for a preview

WITH standing AS (
    -- what became of each source of a window: its newest batch since the newest run that read them all
    SELECT DISTINCT ON (r.window_start, b.source) r.window_start, b.source, b.state, r.state = 'promoted' AS promoted
    FROM ops.runs r
    JOIN ops.batches b USING (run_id)
    WHERE r.dataset = %(dataset)s AND r.kind = 'read'
      AND (r.window_start AT TIME ZONE 'Asia/Ho_Chi_Minh')::date BETWEEN %(first)s AND %(last)s
      AND r.run_id >= coalesce((
          SELECT max(w.run_id) FROM ops.runs w
          WHERE w.dataset = r.dataset AND w.kind = 'read' AND w.window_start = r.window_start AND NOT w.partial
      ), 0)
    ORDER BY r.window_start, b.source, r.run_id DESC
)
SELECT (window_start AT TIME ZONE 'Asia/Ho_Chi_Minh')::date AS day
FROM standing
WHERE cardinality(%(units)s::text[]) = 0 OR source = ANY (%(units)s)
GROUP BY window_start
HAVING bool_and(promoted AND state IN ('landed', 'blocked'))
   AND (cardinality(%(units)s::text[]) = 0 OR count(*) = cardinality(%(units)s::text[]))
