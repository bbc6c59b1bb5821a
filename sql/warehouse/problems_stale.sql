-- purpose: the sources of one dataset whose newest good window is too old, as the watcher counted them
-- reads:   the watcher's lists: every source that was looked at, and those that are stale with their newest window
-- writes:  nothing; the tables looked and found for problems_settle
-- run by:  warehouse.problems.note_stale

looked AS (
    SELECT 'stale' AS kind, source FROM unnest(%(looked)s::text[]) source
),
found AS (
    SELECT 'stale' AS kind, s.source, s.good_until AS first_window, s.good_until AS last_window, 0::bigint AS count,
           '{{}}'::jsonb AS details
    FROM unnest(%(stale)s::text[], %(good_until)s::timestamptz[]) s (source, good_until)
)
