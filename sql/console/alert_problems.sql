-- purpose: every open problem as far as the page of alerts asks: who heard when, who sees to it, and until when
-- reads:   ops.problems
-- writes:  nothing
-- run by:  console.alerts

SELECT problem_id, kind, dataset, source, since, first_window, last_window, count, details, closed_at, told_at,
    escalated_at, acknowledged_by, acknowledged_at, acknowledged_until, acknowledgement
FROM ops.problems
WHERE closed_at IS NULL
ORDER BY since, problem_id
