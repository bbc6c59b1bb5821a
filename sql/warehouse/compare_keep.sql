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
      -- One that we answered stays open while the answer is on its way; if that changes nothing, it is the same one.
      AND NOT EXISTS (
          SELECT FROM difference d
          WHERE d.record_key = q.record_key AND d.kind = q.kind AND d.theirs IS NOT DISTINCT FROM q.theirs
      )
    RETURNING q.record_key
),
known AS (
    SELECT q.conflict_id, d.record_key, d.columns, d.our_version
    FROM standing d
    JOIN quarantine.conflicts q
        ON q.dataset = %(dataset)s AND q.holder = %(holder)s AND q.closed_at IS NULL
        AND q.record_key = d.record_key AND q.kind = d.kind AND q.theirs IS NOT DISTINCT FROM d.theirs
),
refreshed AS (
    UPDATE quarantine.conflicts q
    SET last_seen = ops.moment(), our_version = k.our_version, columns = k.columns
    FROM known k
    WHERE q.conflict_id = k.conflict_id
      AND (q.our_version, q.columns) IS DISTINCT FROM (k.our_version, k.columns)
)
INSERT INTO quarantine.conflicts (dataset, holder, record_key, kind, columns, theirs, our_version)
SELECT %(dataset)s, %(holder)s, d.record_key, d.kind, d.columns, d.theirs, d.our_version
FROM standing d
WHERE NOT EXISTS (SELECT FROM known k WHERE k.record_key = d.record_key)
-- Read, so that the closed rows have left the index of open ones before their successors come.
  AND (SELECT count(*) FROM gone) >= 0
