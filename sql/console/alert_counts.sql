-- purpose: letters by state, and those that were sent in the last seven days
-- reads:   ops.letters, ops.moment()
-- writes:  nothing
-- run by:  console.alerts

-- The moment is asked for once and not for every letter.
SELECT count(*) FILTER (WHERE state = 'pending') AS pending,
    count(*) FILTER (WHERE state = 'pending' AND attempts > 0) AS put_off,
    count(*) FILTER (WHERE state = 'sending') AS sending, count(*) FILTER (WHERE state = 'dead') AS dead,
    count(*) FILTER (WHERE state = 'sent' AND sent_at > (SELECT ops.moment() - interval '7 days')) AS sent,
    max(sent_at) AS newest, min(due_at) FILTER (WHERE state IN ('pending', 'sending')) AS oldest
FROM ops.letters
