-- purpose: let records leave once more that a receiver lost or holds otherwise, with what it lost together with them
-- reads:   ops.differences, publish.outbox
-- writes:  publish.outbox, ops.differences
-- run by:  reconcile.differences, by a person's word or by that of the connection

-- The same version: for the receiver it is a repetition, and nothing has changed for anybody else. Its acceptance gets
-- a receipt of its own; the earlier one stays.
WITH chosen AS MATERIALIZED (
    SELECT d.difference_id, d.dataset, d.record_key, d.kind, d.version
    FROM ops.differences d
    WHERE d.endpoint = %(endpoint)s AND d.closed_at IS NULL AND d.kind IN ('missing', 'different')
      AND (%(dataset)s = '' OR d.dataset = %(dataset)s)
      AND (%(kind)s = '' OR d.kind = %(kind)s)
      AND (cardinality(%(keys)s::text[]) = 0 OR d.record_key = ANY (%(keys)s::text[]))
      AND (NOT %(once)s OR d.sent_again = 0)
), again AS (
    SELECT w.difference_id, o.dataset, o.record_key, o.version
    FROM chosen w
    JOIN publish.outbox o ON o.endpoint = %(endpoint)s AND o.dataset = w.dataset AND o.record_key = w.record_key
        AND o.version = w.version AND o.state = 'done'
    UNION ALL
    -- with every lost record, also where a newer version of it is to leave: what hung on it was lost with the older one
    SELECT w.difference_id, o.dataset, o.record_key, o.version
    FROM chosen w
    JOIN unnest(%(children)s::text[], %(parents)s::text[]) AS c (child, parent)
        ON c.parent = w.dataset AND w.kind = 'missing'
    JOIN publish.outbox o ON o.endpoint = %(endpoint)s AND o.dataset = c.child AND o.order_key = w.record_key
        AND o.state = 'done'
), locked AS MATERIALIZED (
    -- in one order, so that two who send again never wait for each other
    SELECT a.difference_id, o.dataset, o.record_key, o.version
    FROM publish.outbox o
    JOIN again a ON a.dataset = o.dataset AND a.record_key = o.record_key AND a.version = o.version
    WHERE o.endpoint = %(endpoint)s AND o.state = 'done'
      -- a newer version leaves by itself, or was refused, or tells of an end that the receiver takes no word of
      AND NOT EXISTS (
        SELECT FROM publish.outbox n
        WHERE n.endpoint = o.endpoint AND n.dataset = o.dataset AND n.record_key = o.record_key
          AND n.version > o.version
      )
    ORDER BY o.dataset, o.record_key, o.version
    FOR UPDATE OF o
), put AS (
    UPDATE publish.outbox o
    SET state = 'pending', attempts = 0, next_attempt_at = clock_timestamp(), token = NULL, reason = NULL,
        settled_at = NULL
    FROM locked w
    WHERE o.endpoint = %(endpoint)s AND o.dataset = w.dataset AND o.record_key = w.record_key
      AND o.version = w.version AND o.state = 'done'
)
UPDATE ops.differences d
SET sent_again = d.sent_again + 1, sent_again_at = ops.moment()
WHERE d.difference_id IN (SELECT w.difference_id FROM locked w)
