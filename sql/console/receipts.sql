-- purpose: what receivers said about one record, or about what belongs to it (its key, then | and more), newest first
-- reads:   publish.receipts
-- writes:  nothing
-- run by:  console.endpoints

-- Endpoint and dataset are given so that the index by record serves; }} is the character after |.
SELECT r.endpoint, r.place, r.dataset, r.record_key, r.version, r.outcome, r.code, r.message, r.request_id,
    r.answered_at, r.hash
FROM unnest(%(endpoints)s::text[], %(datasets)s::text[]) AS w (endpoint, dataset)
CROSS JOIN LATERAL (
    SELECT * FROM publish.receipts a
    WHERE a.endpoint = w.endpoint AND a.dataset = w.dataset AND a.record_key = %(key)s
    UNION ALL
    SELECT * FROM publish.receipts b
    WHERE b.endpoint = w.endpoint AND b.dataset = w.dataset
      AND b.record_key >= %(key)s || '|' AND b.record_key < %(key)s || '}}'
) AS r
ORDER BY r.answered_at DESC, r.endpoint, r.place DESC
LIMIT %(most)s
