-- purpose: differences between receivers and warehouse, the newest first
-- reads:   ops.differences, publish.outbox
-- writes:  nothing
-- run by:  reconcile.differences

SELECT d.difference_id, d.endpoint, d.dataset, d.record_key, d.kind, d.fields, d.version, d.unit, d.day, d.first_seen,
    d.last_seen, d.sent_again, d.sent_again_at, d.closed_at,
    d.closed_at IS NULL AND d.kind IN ('missing', 'different') AND EXISTS (
        SELECT FROM publish.outbox o
        WHERE o.endpoint = d.endpoint AND o.dataset = d.dataset AND o.record_key = d.record_key
        HAVING max(o.version) = d.version AND bool_or(o.version = d.version AND o.state = 'done')
    ) AS sendable
FROM ops.differences d
WHERE (%(endpoint)s = '' OR d.endpoint = %(endpoint)s)
  AND (%(dataset)s = '' OR d.dataset = %(dataset)s)
  AND (%(kind)s = '' OR d.kind = %(kind)s)
  AND (%(closed)s OR d.closed_at IS NULL)
  AND (%(after)s = 0 OR d.difference_id < %(after)s)
ORDER BY d.difference_id DESC
LIMIT %(most)s
