-- purpose: the letters that tell of one problem: to whom, when, and what became of them
-- reads:   ops.letter_problems, ops.letters
-- writes:  nothing
-- run by:  console.queries.letters

SELECT l.letter_id, l.kind, p.state AS told_as, l.recipient, l.unit, l.channel, l.state, l.created_at, l.sent_at,
    l.attempts, l.reason
FROM ops.letter_problems p
JOIN ops.letters l USING (letter_id)
WHERE p.problem_id = %(problem)s
ORDER BY l.letter_id
