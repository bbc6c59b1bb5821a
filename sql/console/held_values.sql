-- purpose: the values of one held row as they were received, for the person whose look at them was just noted
-- reads:   quarantine.rows, quarantine.transitions
-- writes:  nothing
-- run by:  console.personal

SELECT v.key AS name, left(v.value, 4000) AS value, length(v.value) AS length
FROM quarantine.transitions t
JOIN quarantine.rows q USING (dataset, source, record_key, place)
CROSS JOIN LATERAL jsonb_each_text(q.raw) AS v
WHERE t.transition_id = %(number)s AND t.from_state IS NULL
ORDER BY v.key
