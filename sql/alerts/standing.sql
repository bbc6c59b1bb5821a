-- purpose: the problems that letters may have to speak of: open, or mended lately after somebody was told
-- reads:   ops.problems
-- writes:  nothing
-- run by:  alerts.facts

SELECT problem_id, kind, dataset, source, since, first_window, last_window, count, details, closed_at, told_at,
       escalated_at, acknowledged_until
FROM ops.problems
WHERE closed_at IS NULL OR (told_at IS NOT NULL AND closed_at > ops.moment() - interval '14 days')
ORDER BY problem_id
