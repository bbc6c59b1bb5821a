-- purpose: the records that a whole snapshot no longer holds; rejected rows still count as held
-- reads:   the run's marks table, core
-- writes:  temporary table gone; empty for runs that cannot show that a record is gone
-- run by:  warehouse.promote, before the merge

CREATE TEMPORARY TABLE gone ON COMMIT DROP AS
SELECT c._record_key, c._version AS _old_version, c.{order_key}::text AS _order_key
FROM {core} c
WHERE %(shows_gone)s
  AND c._deleted_at IS NULL
  AND c._source_time <= %(default_time)s
  AND NOT EXISTS (SELECT FROM {marks} m WHERE m._record_key = c._record_key)
