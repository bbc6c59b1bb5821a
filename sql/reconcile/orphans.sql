-- purpose: records of one dataset accepted in a version that the outbox lacks, or that core lacks altogether
-- reads:   publish.receipts, publish.outbox, core
-- writes:  nothing
-- run by:  reconcile.inside

SELECT w.record_key, max(w.version) AS version
FROM (
    SELECT r.record_key, r.version FROM publish.receipts r
    WHERE r.endpoint = %(endpoint)s AND r.dataset = %(dataset)s AND r.outcome = 'accepted'
      AND NOT EXISTS (
        SELECT FROM publish.outbox o
        WHERE o.endpoint = %(endpoint)s AND o.dataset = %(dataset)s AND o.record_key = r.record_key
          AND o.version = r.version
      )
    UNION ALL
    SELECT r.record_key, r.version FROM publish.receipts r
    WHERE r.endpoint = %(endpoint)s AND r.dataset = %(dataset)s AND r.outcome = 'accepted'
      AND NOT EXISTS (SELECT FROM {core} c WHERE c._record_key = r.record_key)
) w
GROUP BY w.record_key
ORDER BY w.record_key
