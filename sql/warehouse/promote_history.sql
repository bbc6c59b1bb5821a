-- purpose: keep the version that an update or a deletion replaces, and the late version that never became current
-- reads:   delta, gone, core
-- writes:  history
-- run by:  warehouse.promote, before the merge

INSERT INTO {history}
    ({columns}, _record_key, _source, _source_time, _row_hash, _version, _run_id, _loaded_at, _deleted_at)
SELECT
    {core_columns}, c._record_key, c._source, c._source_time, c._row_hash, c._version, c._run_id, c._loaded_at,
    c._deleted_at
FROM {core} c
JOIN (SELECT _record_key FROM delta WHERE _action = 'updated' UNION ALL SELECT _record_key FROM gone) r
    USING (_record_key)
UNION ALL
SELECT
    {delta_columns}, g._record_key, g._source, g._source_time, g._row_hash, 0, %(run_id)s, clock_timestamp(), NULL
FROM delta g
WHERE g._action = 'superseded'
ON CONFLICT DO NOTHING
