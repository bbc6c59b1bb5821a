-- purpose: letters that were given up, as far as is needed to say whether they may leave once more
-- reads:   ops.letters, ops.letter_problems, ops.problems
-- writes:  nothing
-- run by:  console.alerts

-- The address is compared with those of today and never shown.
SELECT l.letter_id, l.kind, l.role, l.channel, l.address, l.recipient, l.unit, l.attempts, l.created_at, l.reason,
    EXISTS (
        SELECT FROM ops.letter_problems t JOIN ops.problems p USING (problem_id)
        WHERE t.letter_id = l.letter_id AND (p.closed_at IS NULL OR t.state = 'mended')
    ) AS timely
FROM ops.letters l
WHERE l.state = 'dead'
ORDER BY l.letter_id DESC
LIMIT %(most)s
