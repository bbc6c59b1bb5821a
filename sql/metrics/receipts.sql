-- purpose: the receipts of each endpoint since the place up to which they were counted before
-- reads:   publish.chain_heads, publish.receipts
-- writes:  nothing
-- run by:  metrics.measured

-- Receipts only grow, place by place, so what was counted once stays counted. Where the receipt at that place is not
-- the one that stood there (the warehouse came back from a backup), all are counted anew.
WITH known AS (
    SELECT h.endpoint, h.place AS head, h.hash, coalesce((
        SELECT k.place
        FROM unnest(%(endpoints)s::text[], %(places)s::bigint[], %(hashes)s::text[]) AS k (endpoint, place, hash)
        JOIN publish.receipts r USING (endpoint, place, hash)
        WHERE k.endpoint = h.endpoint
    ), 0) AS place
    FROM publish.chain_heads h
)
SELECT k.endpoint, k.head, k.hash, k.place AS counted_from, count(*) FILTER (WHERE r.outcome = 'accepted') AS accepted,
    count(*) FILTER (WHERE r.outcome = 'refused') AS refused
FROM known k
LEFT JOIN publish.receipts r ON r.endpoint = k.endpoint AND r.place > k.place AND r.place <= k.head
GROUP BY k.endpoint, k.head, k.hash, k.place
ORDER BY k.endpoint
