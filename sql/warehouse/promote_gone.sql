-- purpose: the records that a whole snapshot no longer holds; rejected rows still count as held, and each one that
--          names no record of core, or one that another names, may stand for one that seems to be missing
-- reads:   the run's marks table, core
-- writes:  temporary table gone; empty for runs that cannot show that a record is gone
-- run by:  warehouse.promote, before the merge

CREATE TEMPORARY TABLE gone ON COMMIT DROP AS
WITH missing AS (
    SELECT c._record_key, c._version AS _old_version, c.{order_key}::text AS _order_key
    FROM {core} c
    WHERE %(shows_gone)s
      AND c._deleted_at IS NULL
      AND c._source_time <= %(default_time)s
      AND NOT EXISTS (SELECT FROM {marks} m WHERE m._record_key = c._record_key)
), nameless AS (
    SELECT count(*) - count(DISTINCT c._record_key) AS n
    FROM {marks} m
    LEFT JOIN {core} c ON c._record_key = m._record_key AND c._deleted_at IS NULL
    WHERE %(shows_gone)s AND m.broken <> 0
)
SELECT _record_key, _old_version, _order_key
FROM missing
WHERE (SELECT count(*) FROM missing) > (SELECT n FROM nameless)
