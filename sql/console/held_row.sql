-- purpose: one held row by its number, with the values of the columns that may be shown and the length of the others
-- reads:   quarantine.rows, quarantine.transitions
-- writes:  nothing
-- run by:  console.quarantine

-- Personal values do not leave the database: of them only their length is given.
SELECT q.dataset, q.source, q.record_key, q.place, q.state, q.rules, q.line, q.window_start, q.first_seen, q.last_seen,
    q.closed_at, q.waiver,
    (SELECT coalesce(jsonb_object_agg(v.key, left(v.value, 400)), '{{}}') FROM jsonb_each_text(q.raw) AS v
        WHERE v.key IN (SELECT jsonb_array_elements_text(%(shown)s::jsonb -> q.dataset))) AS raw,
    (SELECT coalesce(jsonb_object_agg(v.key, length(v.value)), '{{}}') FROM jsonb_each_text(q.raw) AS v
        WHERE v.value <> ''
          AND v.key NOT IN (SELECT jsonb_array_elements_text(%(shown)s::jsonb -> q.dataset))) AS lengths
FROM quarantine.transitions t
JOIN quarantine.rows q USING (dataset, source, record_key, place)
WHERE t.transition_id = %(number)s AND t.from_state IS NULL
