-- purpose: how many records of one feed are open, by state; held are those whose parent the receiver does not hold
-- reads:   publish.outbox, publish.receipts
-- writes:  nothing
-- run by:  publishing, when a sender ends

SELECT
    count(*) FILTER (WHERE state = 'in_doubt') AS in_doubt,
    count(*) FILTER (WHERE state IN ('pending', 'claimed') AND NOT orphan) AS pending,
    count(*) FILTER (WHERE state IN ('pending', 'claimed') AND orphan) AS held
FROM (
    SELECT
        o.state,
        %(parent)s::text IS NOT NULL AND NOT EXISTS (
            SELECT FROM publish.receipts r
            WHERE r.endpoint = o.endpoint AND r.dataset = %(parent)s AND r.record_key = o.order_key
              AND r.outcome = 'accepted'
        ) AS orphan
    FROM publish.outbox o
    WHERE o.endpoint = %(endpoint)s AND o.dataset = %(dataset)s AND o.state IN ('pending', 'claimed', 'in_doubt')
) AS open
