-- purpose: what each receiver still has to hear, and since when the oldest of it waits
-- reads:   publish.outbox
-- writes:  nothing
-- run by:  metrics.measured

-- What a backfill holds back is due at infinity until somebody releases it; it waits for a person, not for a receiver.
WITH counted AS (
    SELECT endpoint, count(*) FILTER (WHERE state = 'pending' AND next_attempt_at < 'infinity') AS pending,
        count(*) FILTER (WHERE state = 'pending' AND next_attempt_at = 'infinity') AS held,
        count(*) FILTER (WHERE state = 'claimed') AS claimed, count(*) FILTER (WHERE state = 'in_doubt') AS in_doubt,
        count(*) FILTER (WHERE state = 'dead') AS dead,
        extract(epoch FROM clock_timestamp() - min(enqueued_at) FILTER (
            WHERE state <> 'dead' AND next_attempt_at < 'infinity')) AS oldest
    FROM publish.outbox
    WHERE state IN ('pending', 'claimed', 'in_doubt', 'dead')
    GROUP BY endpoint
)
SELECT e.endpoint, coalesce(c.pending, 0) AS pending, coalesce(c.held, 0) AS held, coalesce(c.claimed, 0) AS claimed,
    coalesce(c.in_doubt, 0) AS in_doubt, coalesce(c.dead, 0) AS dead, coalesce(c.oldest, 0) AS oldest
FROM unnest(%(endpoints)s::text[]) AS e (endpoint)
LEFT JOIN counted c USING (endpoint)
ORDER BY e.endpoint
