-- purpose: write what became of claimed records; one that must wait gives way when a newer version is there
-- reads:   publish.outbox
-- writes:  publish.outbox
-- run by:  publishing, in the transaction that adds their receipts

-- The list of keys is given twice on purpose, here and in the other statements on claimed records: as a condition of
-- the index it keeps the plan right even while nothing is known about a table that was just filled.

UPDATE publish.outbox o
SET state = w.state,
    attempts = o.attempts + w.tries,
    next_attempt_at = clock_timestamp() + make_interval(secs => w.wait),
    reason = w.reason,
    settled_at = CASE WHEN w.state IN ('done', 'dead', 'superseded') THEN clock_timestamp() END
FROM (
    SELECT
        u.record_key, u.version, u.tries, u.wait, u.reason,
        CASE
            WHEN u.state = 'pending' AND EXISTS (
                SELECT FROM publish.outbox n
                WHERE n.endpoint = %(endpoint)s AND n.dataset = %(dataset)s AND n.record_key = u.record_key
                  AND n.version > u.version
            ) THEN 'superseded'
            ELSE u.state
        END AS state
    FROM unnest(
        %(keys)s::text[], %(versions)s::bigint[], %(states)s::text[], %(tries)s::integer[], %(waits)s::float8[],
        %(reasons)s::text[]
    ) AS u (record_key, version, state, tries, wait, reason)
) w
WHERE o.endpoint = %(endpoint)s AND o.dataset = %(dataset)s AND o.record_key = ANY(%(keys)s)
  AND o.record_key = w.record_key AND o.version = w.version
  AND o.state = 'claimed' AND o.token = %(token)s
