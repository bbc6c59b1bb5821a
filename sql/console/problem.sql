-- purpose: one problem with everything that is noted about it
-- reads:   ops.problems
-- writes:  nothing
-- run by:  console.queries.problem

SELECT problem_id, kind, dataset, source, opened_at, since, last_seen_at, first_window, last_window, count, details,
    closed_at, told_at, escalated_at, acknowledged_by, acknowledged_at, acknowledged_until, acknowledgement
FROM ops.problems
WHERE problem_id = %(problem)s
