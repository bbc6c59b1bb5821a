-- purpose: take locked records into the hands of one sender, with what a lookup would show of each
-- reads:   nothing
-- writes:  publish.outbox
-- run by:  publishing, in the transaction that also keeps their bodies

UPDATE publish.outbox o
SET state = 'claimed', token = %(token)s, mark = w.mark
FROM unnest(%(keys)s::text[], %(versions)s::bigint[], %(marks)s::text[]) AS w (record_key, version, mark)
WHERE o.endpoint = %(endpoint)s AND o.dataset = %(dataset)s AND o.record_key = ANY(%(keys)s)
  AND o.record_key = w.record_key AND o.version = w.version
