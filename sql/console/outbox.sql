-- purpose: what each receiver still has to hear of one dataset, and what it refused
-- reads:   publish.outbox
-- writes:  nothing
-- run by:  console.queries.outbox

SELECT endpoint, count(*) FILTER (WHERE state IN ('pending', 'claimed')) AS waiting,
    count(*) FILTER (WHERE state = 'in_doubt') AS in_doubt, count(*) FILTER (WHERE state = 'dead') AS dead,
    count(*) FILTER (WHERE state = 'done') AS done, min(enqueued_at) FILTER (
        WHERE state IN ('pending', 'claimed', 'in_doubt')) AS oldest
FROM publish.outbox
WHERE dataset = %(dataset)s AND endpoint = ANY (%(endpoints)s)
GROUP BY endpoint
