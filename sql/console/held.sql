-- purpose: held rows by what is asked for, longest held first, with how many there are in all; no personal value
-- reads:   quarantine.rows, quarantine.transitions
-- writes:  nothing
-- run by:  console.quarantine

-- A row is named by the number of its first transition: every row has one, and an address tells nothing of the row.
SELECT f.number, q.dataset, q.source, q.record_key, q.state, q.rules, q.window_start, q.first_seen, q.last_seen, q.total
FROM (
    SELECT dataset, source, record_key, place, state, rules, window_start, first_seen, last_seen,
        count(*) OVER () AS total
    FROM quarantine.rows
    WHERE (%(dataset)s = '' OR dataset = %(dataset)s) AND (%(source)s = '' OR source = %(source)s)
      AND (%(state)s = '' OR state = %(state)s) AND (%(rule)s = '' OR %(rule)s = ANY (rules))
      AND (%(key)s = '' OR record_key = %(key)s)
    ORDER BY state <> 'open', first_seen, dataset, source, record_key, place
    LIMIT %(most)s OFFSET %(skip)s
) AS q
CROSS JOIN LATERAL (
    SELECT min(t.transition_id) AS number FROM quarantine.transitions t
    WHERE t.dataset = q.dataset AND t.record_key = q.record_key AND t.source = q.source AND t.place = q.place
) AS f
ORDER BY q.state <> 'open', q.first_seen, q.dataset, q.source, q.record_key, q.place
