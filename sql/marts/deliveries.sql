-- purpose: when each source of the run delivered, by the clock of people, and how many of its rows rules keep out
-- reads:   the run's marks table, ops.batches
-- writes:  ops.deliveries
-- run by:  quality.dimensions.record, in the transaction of the verdict

INSERT INTO ops.deliveries (run_id, source, rejected, delivered_at, due_at)
SELECT b.run_id, b.source, coalesce(m.rejected, 0), CASE WHEN b.state <> 'missing' THEN ops.moment() END, %(due_at)s
FROM ops.batches b
LEFT JOIN (
    SELECT _source, count(*) FILTER (WHERE broken <> 0) AS rejected FROM {marks} WHERE _line > 0 GROUP BY 1
) m ON m._source = b.source
WHERE b.run_id = %(run_id)s AND b.source <> %(waiting)s
