-- purpose: the source of one run that no longer holds more records than the brake on deletions allows
-- reads:   ops.batches, ops.problems
-- writes:  nothing; the tables looked and found for problems_settle
-- run by:  warehouse.problems.note_shrunk

looked AS (
    -- Of a dataset with many sources nobody can say here whose records are gone.
    SELECT s.kind, s.source
    FROM (
        SELECT 'shrunk' AS kind, CASE WHEN count(*) = 1 THEN min(b.source) ELSE '' END AS source
        FROM ops.batches b
        WHERE b.run_id = %(run_id)s AND b.source <> %(waiting)s
    ) s
    -- An older window says nothing about a newer one that is stopped.
    WHERE NOT EXISTS (
        SELECT FROM ops.problems p
        WHERE p.kind = s.kind AND p.dataset = %(dataset)s AND p.source = s.source AND p.closed_at IS NULL
          AND p.last_window > %(window)s::timestamptz
    )
),
found AS (
    SELECT l.kind, l.source, coalesce(least(p.first_window, w.start), w.start) AS first_window,
           coalesce(greatest(p.last_window, w.start), w.start) AS last_window, %(gone)s::bigint AS count,
           jsonb_build_object('gone', %(gone)s::bigint, 'held', %(held)s::bigint) AS details
    FROM looked l
    CROSS JOIN (VALUES (%(window)s::timestamptz)) w (start)
    LEFT JOIN ops.problems p
        ON p.kind = l.kind AND p.dataset = %(dataset)s AND p.source = l.source AND p.closed_at IS NULL
    WHERE %(gone)s::bigint > 0
)
