-- purpose: the judged runs of one dataset and day, oldest first, with what Great Expectations said
-- reads:   ops.runs, ops.validations, ops.deliveries, ops.batches
-- writes:  nothing
-- run by:  quality.docs_facts.pages

SELECT r.run_id, r.kind, r.state,
    -- By the clock of people where a source delivered anything; a redrive has no source.
    coalesce((SELECT max(d.delivered_at) FROM ops.deliveries d WHERE d.run_id = r.run_id), r.judged_at) AS judged_at,
    coalesce(r.extracted, 0) AS extracted,
    -- Known for good once the run is promoted; before that, as the judge counted.
    coalesce(r.quarantined, (
        SELECT sum(CASE WHEN b.state = 'blocked' THEN b.rows ELSE d.rejected END)
        FROM ops.deliveries d JOIN ops.batches b USING (run_id, source)
        WHERE d.run_id = r.run_id
    ), 0)::bigint AS rejected,
    v.result
FROM ops.runs r
LEFT JOIN ops.validations v USING (run_id)
WHERE r.dataset = %(dataset)s AND (r.window_start AT TIME ZONE %(timezone)s)::date = %(day)s
  AND r.judged_at IS NOT NULL
ORDER BY r.run_id
