-- purpose: keep every difference with the version that loses, and close those that are gone
-- reads:   temporary table difference
-- writes:  quarantine.conflicts
-- run by:  warehouse.counterpart.compare

WITH standing AS (
    SELECT * FROM difference WHERE NOT on_the_way
),
gone AS (
    UPDATE quarantine.conflicts q
    SET closed_at = ops.moment()
    WHERE q.dataset = %(dataset)s AND q.holder = %(holder)s AND q.closed_at IS NULL
      AND NOT EXISTS (
          SELECT FROM standing d
          WHERE d.record_key = q.record_key AND d.kind = q.kind AND d.theirs IS NOT DISTINCT FROM q.theirs
      )
    RETURNING q.record_key
),
seen AS (
    UPDATE quarantine.conflicts q
    SET last_seen = ops.moment(), our_version = d.our_version, columns = d.columns
    FROM standing d
    WHERE q.dataset = %(dataset)s AND q.holder = %(holder)s AND q.closed_at IS NULL
      AND d.record_key = q.record_key AND d.kind = q.kind AND d.theirs IS NOT DISTINCT FROM q.theirs
    RETURNING q.record_key
)
INSERT INTO quarantine.conflicts (dataset, holder, record_key, kind, columns, theirs, our_version)
SELECT %(dataset)s, %(holder)s, d.record_key, d.kind, d.columns, d.theirs, d.our_version
FROM standing d
WHERE NOT EXISTS (SELECT FROM seen s WHERE s.record_key = d.record_key)
-- Read, so that the closed rows have left the index of open ones before their successors come.
  AND (SELECT count(*) FROM gone) >= 0
