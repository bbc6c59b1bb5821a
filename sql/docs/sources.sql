-- purpose: what each source gave to some runs; those that gave nothing or too much bad first
-- reads:   ops.batches, ops.deliveries
-- writes:  nothing
-- run by:  quality.docs_facts.pages

SELECT b.run_id, b.source, b.state, b.reason_code, b.rows, coalesce(d.rejected, 0) AS rejected
FROM ops.batches b
LEFT JOIN ops.deliveries d USING (run_id, source)
WHERE b.run_id = ANY (%(runs)s)
ORDER BY b.state IN ('landed', 'planned'), b.source
