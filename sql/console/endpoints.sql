-- purpose: what each receiver still has to hear, what it refused, and how it answered of late
-- reads:   publish.outbox, publish.calls, publish.receipts
-- writes:  nothing
-- run by:  console.endpoints

-- Conditions name the partial indexes of what is open and what is dead: what was ever sent is not walked through.
SELECT
    e.endpoint, coalesce(o.waiting, 0) AS waiting, coalesce(o.kept, 0) AS kept, coalesce(o.in_doubt, 0) AS in_doubt,
    o.oldest, coalesce(d.dead, 0) AS dead, coalesce(h.records, 0) AS hour_records, coalesce(h.calls, 0) AS hour_calls,
    l.started_at AS called_at, l.outcome AS call_outcome, l.code AS call_code, l.message AS call_message,
    r.answered_at, r.place AS receipts,
    -- requests since the last one that the receiver answered
    (SELECT count(*) FROM publish.calls c WHERE c.endpoint = e.endpoint AND c.outcome NOT IN ('accepted', 'refused')
        AND c.started_at > coalesce((
            SELECT a.started_at FROM publish.calls a
            WHERE a.endpoint = e.endpoint AND a.outcome IN ('accepted', 'refused')
            ORDER BY a.started_at DESC LIMIT 1), '-infinity')) AS unanswered
FROM unnest(%(endpoints)s::text[]) WITH ORDINALITY AS e (endpoint, place)
LEFT JOIN (
    SELECT endpoint, count(*) FILTER (WHERE state <> 'in_doubt' AND next_attempt_at < 'infinity') AS waiting,
        count(*) FILTER (WHERE next_attempt_at = 'infinity') AS kept,
        count(*) FILTER (WHERE state = 'in_doubt') AS in_doubt, min(enqueued_at) AS oldest
    FROM publish.outbox WHERE state IN ('pending', 'claimed', 'in_doubt') GROUP BY endpoint
) AS o USING (endpoint)
LEFT JOIN (SELECT endpoint, count(*) AS dead FROM publish.outbox WHERE state = 'dead' GROUP BY endpoint) AS d
    USING (endpoint)
LEFT JOIN LATERAL (
    SELECT sum(c.records) AS records, count(*) AS calls FROM publish.calls c
    WHERE c.endpoint = e.endpoint AND c.started_at > clock_timestamp() - interval '1 hour'
) AS h ON true
LEFT JOIN LATERAL (
    SELECT c.started_at, c.outcome, c.code, c.message FROM publish.calls c
    WHERE c.endpoint = e.endpoint ORDER BY c.started_at DESC LIMIT 1
) AS l ON true
LEFT JOIN LATERAL (
    SELECT r.answered_at, r.place FROM publish.receipts r WHERE r.endpoint = e.endpoint ORDER BY r.place DESC LIMIT 1
) AS r ON true
ORDER BY e.place
