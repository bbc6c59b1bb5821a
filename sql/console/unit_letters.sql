-- purpose: the newest letters to one unit; no mailbox
-- reads:   ops.letters, ops.letter_problems
-- writes:  nothing
-- run by:  console.history

SELECT l.letter_id, l.kind, l.channel, l.recipient, l.state, l.attempts, l.created_at, l.sent_at, l.reason, p.problems
FROM (
    SELECT letter_id, kind, channel, recipient, state, attempts, created_at, sent_at, reason
    FROM ops.letters WHERE unit = %(unit)s
    ORDER BY letter_id DESC LIMIT %(most)s
) AS l
CROSS JOIN LATERAL (
    SELECT (array_agg(t.problem_id ORDER BY t.problem_id))[1:6] AS problems
    FROM ops.letter_problems t WHERE t.letter_id = l.letter_id
) AS p
ORDER BY l.letter_id DESC
