-- purpose: the held rows of some sources, counted by the rule they break, with up to ten of their record keys
-- reads:   quarantine.rows
-- writes:  nothing
-- run by:  alerts.facts

SELECT q.dataset, q.source, rule, count(*) AS count,
       (array_agg(DISTINCT q.record_key ORDER BY q.record_key))[1:10] AS keys
FROM quarantine.rows q
CROSS JOIN unnest(q.rules) rule
WHERE q.state = 'open'
  AND (q.dataset, q.source) IN (SELECT dataset, source FROM unnest(%(datasets)s::text[], %(sources)s::text[])
                                AS wanted (dataset, source))
GROUP BY 1, 2, 3
