-- purpose: who has heard of which problem: its first letter, its newest as going on, its newest as mended
-- reads:   ops.letters, ops.letter_problems
-- writes:  nothing
-- run by:  alerts.facts

SELECT
    p.problem_id, l.role, l.channel, l.address, l.unit,
    max(l.created_at) FILTER (WHERE p.state <> 'mended') AS told_at,
    coalesce(max(l.letter_id) FILTER (WHERE p.state <> 'mended'), 0) AS told,
    coalesce(max(l.letter_id) FILTER (WHERE p.state = 'mended'), 0) AS mended,
    bool_or(p.state = 'escalated') AS escalated,
    (array_agg(l.message_id ORDER BY l.letter_id))[1] AS root
FROM ops.letter_problems p
JOIN ops.letters l USING (letter_id)
WHERE p.problem_id = ANY (%(problems)s)
GROUP BY 1, 2, 3, 4, 5
