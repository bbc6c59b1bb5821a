-- purpose: for each source of one dataset the end of its newest good window, or the moment from which one is owed
-- reads:   ops.watermarks, ops.runs
-- writes:  nothing
-- run by:  alerts.watch

SELECT s.source, w.window_end AS good_until, coalesce(w.window_end, greatest(f.first_window, s.valid_from)) AS owed_from
FROM unnest(%(sources)s::text[], %(valid_from)s::timestamptz[]) s (source, valid_from)
CROSS JOIN (SELECT min(window_start) AS first_window FROM ops.runs WHERE dataset = %(dataset)s AND kind = 'read') f
LEFT JOIN ops.watermarks w ON w.dataset = %(dataset)s AND w.source = s.source
WHERE f.first_window IS NOT NULL
