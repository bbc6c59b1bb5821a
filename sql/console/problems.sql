-- purpose: the problems that a page lists, the most pressing first, with how many there are in all
-- reads:   ops.problems
-- writes:  nothing
-- run by:  console.queries.problems

SELECT problem_id, kind, dataset, source, since, first_window, last_window, count, closed_at, told_at, escalated_at,
    acknowledged_until, count(*) OVER () AS total
FROM ops.problems
WHERE (closed_at IS NULL OR %(everything)s) AND (%(kind)s = '' OR kind = %(kind)s)
  AND (%(dataset)s = '' OR dataset = %(dataset)s) AND (%(source)s = '' OR source = %(source)s)
ORDER BY closed_at IS NOT NULL, (dataset <> ''), CASE WHEN closed_at IS NULL THEN array_position(%(order)s::text[], kind) END,
    closed_at DESC, (source <> ''), count DESC, since, problem_id
LIMIT %(most)s
