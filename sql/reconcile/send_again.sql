-- purpose: let records leave once more that a receiver lost or holds otherwise, with what it lost together with them
-- reads:   ops.differences, publish.outbox
-- writes:  publish.outbox, ops.differences
-- run by:  reconcile.differences, by a person's word or by that of the connection

-- The same version: for the receiver it is a repetition, and nothing has changed for anybody else. Its acceptance gets
-- a receipt of its own; the earlier one stays.
WITH due AS (
    SELECT d.difference_id, d.dataset, d.record_key, d.kind, d.version
    FROM ops.differences d
    JOIN publish.outbox o ON o.endpoint = d.endpoint AND o.dataset = d.dataset AND o.record_key = d.record_key
        AND o.version = d.version AND o.state = 'done'
    WHERE d.endpoint = %(endpoint)s AND d.closed_at IS NULL AND d.kind IN ('missing', 'different')
      AND (%(dataset)s = '' OR d.dataset = %(dataset)s)
      AND (%(kind)s = '' OR d.kind = %(kind)s)
      AND (cardinality(%(keys)s::text[]) = 0 OR d.record_key = ANY (%(keys)s::text[]))
      AND (NOT %(once)s OR d.sent_again = 0)
      -- a newer version leaves by itself, or was refused, or tells of an end that the receiver takes no word of
      AND NOT EXISTS (
        SELECT FROM publish.outbox n
        WHERE n.endpoint = o.endpoint AND n.dataset = o.dataset AND n.record_key = o.record_key
          AND n.version > o.version
      )
), again AS (
    SELECT w.dataset, w.record_key, w.version FROM due w
    UNION
    SELECT o.dataset, o.record_key, o.version
    FROM due w
    JOIN unnest(%(children)s::text[], %(parents)s::text[]) AS c (child, parent)
        ON c.parent = w.dataset AND w.kind = 'missing'
    JOIN publish.outbox o ON o.endpoint = %(endpoint)s AND o.dataset = c.child AND o.order_key = w.record_key
        AND o.state = 'done'
    WHERE NOT EXISTS (
        SELECT FROM publish.outbox n
        WHERE n.endpoint = o.endpoint AND n.dataset = o.dataset AND n.record_key = o.record_key
          AND n.version > o.version
    )
), put AS (
    UPDATE publish.outbox o
    SET state = 'pending', attempts = 0, next_attempt_at = clock_timestamp(), token = NULL, reason = NULL,
        settled_at = NULL
    FROM again a
    WHERE o.endpoint = %(endpoint)s AND o.dataset = a.dataset AND o.record_key = a.record_key
      AND o.version = a.version AND o.state = 'done'
)
UPDATE ops.differences d
SET sent_again = d.sent_again + 1, sent_again_at = ops.moment()
FROM due w
WHERE d.difference_id = w.difference_id
