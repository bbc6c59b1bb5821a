-- purpose: drop the bodies of records whose fate is known
-- reads:   nothing
-- writes:  publish.bodies
-- run by:  publishing, in the transaction that settles them

DELETE FROM publish.bodies b
USING unnest(%(keys)s::text[], %(versions)s::bigint[]) AS w (record_key, version)
WHERE b.endpoint = %(endpoint)s AND b.dataset = %(dataset)s AND b.record_key = ANY(%(keys)s)
  AND b.record_key = w.record_key AND b.version = w.version
