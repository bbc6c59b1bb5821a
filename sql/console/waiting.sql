-- purpose: whether one record still waits to leave, and where it stands at each receiver
-- reads:   publish.outbox
-- writes:  nothing
-- run by:  console.endpoints

SELECT o.endpoint, o.dataset, o.record_key, o.version, o.state, o.attempts, o.next_attempt_at, o.reason, o.enqueued_at
FROM unnest(%(endpoints)s::text[], %(datasets)s::text[]) AS w (endpoint, dataset)
JOIN publish.outbox o ON o.endpoint = w.endpoint AND o.dataset = w.dataset
  AND (o.record_key = %(key)s OR (o.record_key >= %(key)s || '|' AND o.record_key < %(key)s || '}}'))
WHERE o.state IN ('pending', 'claimed', 'in_doubt', 'dead')
ORDER BY o.enqueued_at DESC, o.endpoint, o.dataset, o.record_key
LIMIT %(most)s
