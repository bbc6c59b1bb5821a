-- purpose: what a window of a dataset, or of some of its units, usually brings and takes: the middle of the last sixty
-- reads:   ops.runs, ops.batches
-- writes:  nothing
-- run by:  backfill.plan, for a preview

SELECT
    percentile_cont(0.5) WITHIN GROUP (ORDER BY w.rows) AS rows,
    percentile_cont(0.5) WITHIN GROUP (ORDER BY w.seconds) AS seconds
FROM (
    SELECT
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
) w
