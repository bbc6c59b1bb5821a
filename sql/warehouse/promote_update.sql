-- purpose: replace the records whose content changed
-- reads:   delta
-- writes:  core
-- run by:  warehouse.promote, after history kept the old versions

UPDATE {core} c
SET {assignments},
    _source = g._source, _source_time = g._source_time, _row_hash = g._row_hash,
    _version = c._version + 1, _run_id = %(run_id)s, _loaded_at = clock_timestamp(), _deleted_at = NULL,
    _change = %(change)s
FROM delta g
WHERE c._record_key = g._record_key AND g._action = 'updated'
