-- purpose: what held rows can be filtered by: the datasets, sources and rules of which any is held in a state
-- reads:   quarantine.rows
-- writes:  nothing
-- run by:  console.quarantine

SELECT dataset, source, rule, count(*) AS count
FROM quarantine.rows, unnest(rules) AS rule
WHERE (%(state)s = '' OR state = %(state)s)
GROUP BY dataset, source, rule
