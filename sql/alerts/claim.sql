-- purpose: take the next letter that is due into the mailer's hands; a mailbox gets its letters in their order
-- reads:   ops.letters, ops.moment()
-- writes:  ops.letters
-- run by:  alerts.deliver, in a transaction of its own, by one process at a time

UPDATE ops.letters l
SET state = 'sending', attempts = attempts + 1
WHERE l.letter_id = (
    SELECT c.letter_id
    FROM ops.letters c
    WHERE c.state IN ('pending', 'sending')
      AND c.due_at <= ops.moment() AND c.next_attempt_at <= ops.moment()
      AND c.letter_id <> ALL (%(tried)s::bigint[])
      AND CASE c.channel WHEN 'email' THEN 'email' ELSE c.address END <> ALL (%(closed)s::text[])
      -- an all clear never overtakes the letter that it answers
      AND NOT EXISTS (
          SELECT FROM ops.letters e
          WHERE e.state IN ('pending', 'sending') AND e.channel = c.channel AND e.address = c.address
            AND e.due_at <= c.due_at AND e.letter_id < c.letter_id
      )
    -- fresh letters first: one that the server accepts tells it from a server that refuses everything
    ORDER BY c.state = 'pending' AND c.attempts > 0, c.due_at, c.letter_id
    LIMIT 1
)
RETURNING l.letter_id, l.channel, l.address, l.content, l.message_id, l.references, l.attempts, l.due_at,
    ops.moment() - l.due_at > %(patience)s AS old
