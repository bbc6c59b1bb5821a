-- purpose: let chosen letters that were given up leave once more: the same letter, under the same Message-ID
-- reads:   ops.moment()
-- writes:  ops.letters
-- run by:  console.alerts, in the transaction that notes who asked for it

-- due_at is now: a mail server may put the letter off for as long as a new one. reported_at: given up once more, the
-- province hears of it once more. attempts begin anew, so that the first wait is short.
UPDATE ops.letters
SET state = 'pending', attempts = 0, due_at = ops.moment(), next_attempt_at = ops.moment(), reported_at = NULL
WHERE letter_id = ANY (%(letters)s) AND state = 'dead'
RETURNING letter_id
