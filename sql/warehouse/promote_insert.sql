-- purpose: add the records that core does not know
-- reads:   delta
-- writes:  core
-- run by:  warehouse.promote

INSERT INTO {core} ({columns}, _record_key, _source, _source_time, _row_hash, _version, _run_id, _change)
SELECT {columns}, _record_key, _source, _source_time, _row_hash, 1, %(run_id)s, %(change)s
FROM delta
WHERE _action = 'inserted'
