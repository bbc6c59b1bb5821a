-- purpose: hand every new version, deletions too, to the endpoints of the dataset; an older one not yet sent gives way
-- reads:   delta, gone, ops.runs, ops.backfills
-- writes:  publish.outbox
-- run by:  warehouse.promote

WITH asked AS MATERIALIZED (
    -- locked: a release waits for this promote, or this promote sees it
    SELECT b.held FROM ops.runs r JOIN ops.backfills b USING (backfill_id)
    WHERE r.run_id = %(run_id)s
    FOR SHARE OF b
), fresh AS (
    SELECT e.endpoint, n._record_key, n._order_key, coalesce(n._old_version, 0) + 1 AS version, n.deleted
    FROM (
        SELECT _record_key, _order_key, _old_version, false AS deleted FROM delta
        WHERE _action IN ('inserted', 'updated')
        UNION ALL
        SELECT _record_key, _order_key, _old_version, true FROM gone
    ) n, unnest(%(endpoints)s::text[]) AS e (endpoint)
), gave_way AS (
    UPDATE publish.outbox o
    SET state = 'superseded', settled_at = clock_timestamp()
    FROM fresh f
    WHERE o.endpoint = f.endpoint AND o.dataset = %(dataset)s AND o.record_key = f._record_key
      AND o.version < f.version AND o.state = 'pending'
)
INSERT INTO publish.outbox (endpoint, dataset, record_key, version, order_key, run_id, deleted, next_attempt_at)
SELECT endpoint, %(dataset)s, _record_key, version, _order_key, %(run_id)s, deleted,
    -- what a backfill brings that is held back is not due before somebody releases it
    CASE WHEN (SELECT held FROM asked) THEN 'infinity'::timestamptz ELSE clock_timestamp() END
FROM fresh
