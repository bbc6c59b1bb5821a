-- purpose: mark what is gone as deleted, as a new version
-- reads:   gone
-- writes:  core
-- run by:  warehouse.promote, after history kept the old versions

UPDATE {core} c
SET _deleted_at = clock_timestamp(), _version = c._version + 1, _run_id = %(run_id)s,
    _source_time = %(default_time)s, _change = %(change)s
FROM gone g
WHERE c._record_key = g._record_key
