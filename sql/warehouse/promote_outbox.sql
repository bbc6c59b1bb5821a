-- purpose: hand every new version, deletions too, to the endpoints of the dataset; an older one not yet sent gives way
-- reads:   delta, gone, ops.backfills, ops.backfill_parts
-- writes:  publish.outbox
-- run by:  warehouse.promote

WITH fresh AS (
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
    CASE WHEN EXISTS (
        SELECT FROM ops.backfills b JOIN ops.backfill_parts p USING (backfill_id)
        WHERE b.held AND p.state = 'running' AND p.dataset = %(dataset)s
          AND (%(window_start)s::timestamptz AT TIME ZONE 'Asia/Ho_Chi_Minh')::date BETWEEN p.first_day AND p.last_day
    ) THEN 'infinity'::timestamptz ELSE clock_timestamp() END
FROM fresh
