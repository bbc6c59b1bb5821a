-- purpose: give the records of which another holder lost our version a new one of the same content, to be sent again
-- reads:   temporary table difference
-- writes:  core, publish.outbox
-- run by:  warehouse.counterpart.compare, for datasets whose master is the province

WITH again AS (
    UPDATE {core} c
    SET _version = c._version + 1
    FROM difference d
    WHERE c._record_key = d.record_key AND d.kind <> 'extra' AND NOT d.on_the_way
    RETURNING c._record_key, c._version, c.{order_key}::text AS order_key, c._deleted_at IS NOT NULL AS deleted
)
INSERT INTO publish.outbox (endpoint, dataset, record_key, version, order_key, run_id, deleted)
SELECT e.endpoint, %(dataset)s, a._record_key, a._version, a.order_key, %(run_id)s, a.deleted
FROM again a
CROSS JOIN unnest(%(endpoints)s::text[]) AS e (endpoint)
