-- purpose: records of one dataset accepted in a version that the outbox lacks, or that core lacks altogether
-- reads:   publish.receipts, publish.outbox, core
-- writes:  nothing
-- run by:  reconcile.inside

-- One pass over the receipts. Both questions are scalar subqueries on purpose: they are asked row by row by index,
-- where a join of a dataset that the statistics do not know yet costs the square of it.
SELECT r.record_key, max(r.version) AS version
FROM publish.receipts r
WHERE r.endpoint = %(endpoint)s AND r.dataset = %(dataset)s AND r.outcome = 'accepted'
  AND (
    NOT coalesce((
        SELECT true FROM publish.outbox o
        WHERE o.endpoint = r.endpoint AND o.dataset = r.dataset AND o.record_key = r.record_key
          AND o.version = r.version
        LIMIT 1
    ), false)
    OR NOT coalesce((SELECT true FROM {core} c WHERE c._record_key = r.record_key LIMIT 1), false)
  )
GROUP BY r.record_key
ORDER BY r.record_key
