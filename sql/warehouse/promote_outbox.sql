-- purpose: hand every new version to the endpoints of the dataset; an older version not yet sent gives way
-- reads:   delta
-- writes:  publish.outbox
-- run by:  warehouse.promote

WITH fresh AS (
    SELECT e.endpoint, _record_key, _order_key, coalesce(_old_version, 0) + 1 AS version
    FROM delta, unnest(%(endpoints)s::text[]) AS e (endpoint)
    WHERE _action IN ('inserted', 'updated')
), gave_way AS (
    UPDATE publish.outbox o
    SET state = 'superseded', settled_at = clock_timestamp()
    FROM fresh f
    WHERE o.endpoint = f.endpoint AND o.dataset = %(dataset)s AND o.record_key = f._record_key
      AND o.version < f.version AND o.state = 'pending'
)
INSERT INTO publish.outbox (endpoint, dataset, record_key, version, order_key, run_id)
SELECT endpoint, %(dataset)s, _record_key, version, _order_key, %(run_id)s
FROM fresh
