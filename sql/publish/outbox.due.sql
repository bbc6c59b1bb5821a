-- purpose: the next records of one feed that may leave, in the order of the backlog, after a place in it
-- reads:   publish.outbox, publish.receipts, publish.bodies
-- writes:  nothing
-- run by:  publishing, before it claims

-- Conditions are scalar subqueries on purpose: they are asked row by row along the index until the portion is
-- full, whatever the statistics of a table that was just filled by a backfill.
SELECT
    o.record_key, o.version, o.order_key, o.attempts, o.mark, o.deleted,
    CASE WHEN o.state = 'in_doubt' THEN (
        SELECT b.body FROM publish.bodies b
        WHERE b.endpoint = o.endpoint AND b.dataset = o.dataset AND b.record_key = o.record_key
          AND b.version = o.version
    ) END AS body,
    CASE WHEN %(parent)s::text IS NULL THEN coalesce((
        SELECT true FROM publish.receipts r
        WHERE r.endpoint = o.endpoint AND r.dataset = o.dataset AND r.record_key = o.record_key
          AND r.outcome = 'accepted'
        LIMIT 1
    ), false) ELSE false END AS known,
    CASE WHEN o.state = 'in_doubt' THEN (
        SELECT p.mark FROM publish.outbox p
        WHERE p.endpoint = o.endpoint AND p.dataset = o.dataset AND p.record_key = o.record_key
          AND p.version < o.version AND p.state = 'done'
        ORDER BY p.version DESC
        LIMIT 1
    ) END AS mark_before
FROM publish.outbox o
WHERE o.endpoint = %(endpoint)s
  AND o.dataset = %(dataset)s
  AND o.state IN ('pending', 'claimed', 'in_doubt')
  AND o.state = %(state)s
  AND o.next_attempt_at <= statement_timestamp()
  AND (o.order_key, o.record_key) > (%(after_order)s, %(after_record)s)
  -- one version of a record in flight, and never an older one after a newer one
  AND NOT coalesce((
        SELECT true FROM publish.outbox n
        WHERE n.endpoint = o.endpoint AND n.dataset = o.dataset AND n.record_key = o.record_key
          AND n.version <> o.version
          AND (n.state IN ('claimed', 'in_doubt') OR (n.version > o.version AND o.state = 'pending'))
        LIMIT 1
  ), false)
  AND (
    %(parent)s::text IS NULL
    OR (
        -- the receiver holds the parent, and nothing of the parent is on its way
        coalesce((
            SELECT true FROM publish.receipts r
            WHERE r.endpoint = o.endpoint AND r.dataset = %(parent)s AND r.record_key = o.order_key
              AND r.outcome = 'accepted'
            LIMIT 1
        ), false)
        AND NOT coalesce((
            SELECT true FROM publish.outbox p
            WHERE p.endpoint = o.endpoint AND p.dataset = %(parent)s AND p.order_key = o.order_key
              AND p.state IN ('claimed', 'in_doubt')
            LIMIT 1
        ), false)
        -- no earlier record of the same order key stays behind
        AND NOT coalesce((
            SELECT true FROM publish.outbox e
            WHERE e.endpoint = o.endpoint AND e.dataset = o.dataset AND e.order_key = o.order_key
              AND e.record_key < o.record_key
              AND e.state IN ('pending', 'claimed', 'in_doubt')
              AND (
                e.state = 'claimed'
                OR (e.state = 'in_doubt' AND (o.state = 'pending' OR e.next_attempt_at > statement_timestamp()))
                OR (e.state = 'pending' AND o.state = 'pending' AND e.next_attempt_at > statement_timestamp())
              )
            LIMIT 1
        ), false)
    )
  )
ORDER BY o.order_key, o.record_key
LIMIT %(portion)s
