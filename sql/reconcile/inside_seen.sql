-- purpose: keep what the look inside found of one kind, and close what it no longer finds
-- reads:   nothing
-- writes:  ops.differences
-- run by:  reconcile.inside, in one transaction with its counts

WITH found AS (
    SELECT * FROM unnest(%(keys)s::text[], %(versions)s::bigint[]) AS f (record_key, version)
), closed AS (
    UPDATE ops.differences d SET closed_at = ops.moment()
    WHERE d.endpoint = %(endpoint)s AND d.dataset = %(dataset)s AND d.kind = %(kind)s AND d.closed_at IS NULL
      AND NOT EXISTS (SELECT FROM found f WHERE f.record_key = d.record_key)
)
INSERT INTO ops.differences AS d (endpoint, dataset, record_key, kind, version, reconciliation_id)
SELECT %(endpoint)s, %(dataset)s, f.record_key, %(kind)s, f.version, %(reconciliation)s FROM found f
ON CONFLICT (endpoint, dataset, record_key, kind) WHERE closed_at IS NULL DO UPDATE
SET last_seen = ops.moment(), version = excluded.version, reconciliation_id = excluded.reconciliation_id
