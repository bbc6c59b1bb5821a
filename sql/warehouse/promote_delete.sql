-- purpose: mark what a whole snapshot no longer holds; rejected rows still count as held
-- reads:   the run's marks table, core
-- writes:  core
-- run by:  warehouse.promote, for snapshot datasets of which every source landed

UPDATE {core} c
SET _deleted_at = clock_timestamp(), _version = c._version + 1, _run_id = %(run_id)s, _source_time = %(default_time)s
WHERE c._deleted_at IS NULL
  AND c._source_time <= %(default_time)s
  AND NOT EXISTS (SELECT FROM {marks} m WHERE m._record_key = c._record_key)
