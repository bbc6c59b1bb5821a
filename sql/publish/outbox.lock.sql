-- purpose: lock the records about to be claimed; those that a promote is replacing right now are left out
-- reads:   publish.outbox
-- writes:  nothing
-- run by:  publishing, in the transaction that claims

SELECT o.record_key, o.version
FROM unnest(%(keys)s::text[], %(versions)s::bigint[]) AS w (record_key, version)
JOIN publish.outbox o
  ON o.endpoint = %(endpoint)s AND o.dataset = %(dataset)s AND o.record_key = w.record_key AND o.version = w.version
WHERE o.record_key = ANY(%(keys)s) AND o.state = %(state)s
FOR UPDATE OF o SKIP LOCKED
