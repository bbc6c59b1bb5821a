-- purpose: close locked records that are not sent: core holds another version, or the receiver takes no deletion
-- reads:   nothing
-- writes:  publish.outbox
-- run by:  publishing, in the transaction that claims

UPDATE publish.outbox o
SET state = 'superseded', settled_at = clock_timestamp(), reason = %(reason)s
FROM unnest(%(keys)s::text[], %(versions)s::bigint[]) AS w (record_key, version)
WHERE o.endpoint = %(endpoint)s AND o.dataset = %(dataset)s AND o.record_key = ANY(%(keys)s)
  AND o.record_key = w.record_key AND o.version = w.version
