-- purpose: write what came of letters; the wait doubles with each attempt, from a minute to the longest
-- reads:   ops.moment()
-- writes:  ops.letters
-- run by:  alerts.deliver, in a transaction of its own

UPDATE ops.letters
SET state = %(state)s,
    reason = %(reason)s,
    sent_at = CASE WHEN %(state)s = 'sent' THEN ops.moment() END,
    next_attempt_at = CASE WHEN %(state)s = 'pending'
        THEN ops.moment() + least(%(longest)s, interval '1 minute' * 2 ^ least(attempts - 1, 10))
        ELSE next_attempt_at END
WHERE letter_id = ANY (%(letters)s) AND state = 'sending'
