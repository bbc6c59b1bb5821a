-- purpose: letters by what is asked for, the newest first, with the problems that each tells of; no mailbox
-- reads:   ops.letters, ops.letter_problems, ops.problems
-- writes:  nothing
-- run by:  console.alerts

-- What is asked for is counted by its numbers alone, and only the letters of one page are carried on.
WITH asked AS MATERIALIZED (
    SELECT letter_id
    FROM ops.letters
    WHERE (%(state)s = '' OR state = %(state)s) AND (%(kind)s = '' OR kind = %(kind)s)
      AND (%(unit)s = '' OR unit = %(unit)s) AND (%(role)s = '' OR role = %(role)s)
      AND (%(first)s::date IS NULL OR created_at >= %(first)s::date::timestamp AT TIME ZONE %(timezone)s)
      AND (%(last)s::date IS NULL OR created_at < (%(last)s::date + 1)::timestamp AT TIME ZONE %(timezone)s)
), shown AS (
    SELECT letter_id FROM asked ORDER BY letter_id DESC LIMIT %(most)s OFFSET %(skip)s
)
SELECT l.letter_id, l.kind, l.role, l.channel, l.recipient, l.unit, l.state, l.attempts, l.created_at, l.due_at,
    l.next_attempt_at, l.sent_at, l.reason, (SELECT count(*) FROM asked) AS total, p.problems, p.told, p.open
FROM shown
JOIN ops.letters l USING (letter_id)
CROSS JOIN LATERAL (
    SELECT count(*) AS told, count(*) FILTER (WHERE w.closed_at IS NULL) AS open,
        (array_agg(t.problem_id ORDER BY t.problem_id))[1:6] AS problems
    FROM ops.letter_problems t
    JOIN ops.problems w USING (problem_id)
    WHERE t.letter_id = l.letter_id
) AS p
ORDER BY l.letter_id DESC
