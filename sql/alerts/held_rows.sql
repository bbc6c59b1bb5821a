-- purpose: the held rows of the sources that one letter tells of, as received, up to the limit of its attachment;
--          of a cell only its beginning: a letter shows no more
-- reads:   quarantine.rows
-- writes:  nothing
-- run by:  alerts.facts

SELECT q.dataset, q.source, q.record_key,
    (SELECT jsonb_object_agg(c.key, left(c.value, 2000)) FROM jsonb_each_text(q.raw) c) AS raw,
    q.rules, q.window_start, q.line, q.total
FROM (
    SELECT q.*, count(*) OVER () AS total
    FROM quarantine.rows q
    WHERE q.state = 'open'
      AND (q.dataset, q.source) IN (SELECT dataset, source FROM unnest(%(datasets)s::text[], %(sources)s::text[])
                                    AS wanted (dataset, source))
    ORDER BY q.dataset, q.source, q.record_key, q.place
    LIMIT %(most)s
) q
ORDER BY q.dataset, q.source, q.record_key, q.place
