-- purpose: rows of dossiers that came in a period and are still held, by unit, by its sum, and for the province
-- reads:   quarantine.rows, marts.units
-- writes:  nothing
-- run by:  indicators.index766.comparing

-- The day on which a row came stands for the day of reception, which may be what is wrong with it.
SELECT u.unit, count(*) AS rows
FROM quarantine.rows q
LEFT JOIN marts.units m ON m.unit = q.source
CROSS JOIN LATERAL (SELECT DISTINCT unnest(ARRAY[q.source, m.sum, %(agency)s])) u (unit)
WHERE u.unit IS NOT NULL AND q.dataset = 'ho_so' AND q.state = 'open'
  AND q.window_start >= %(first)s::date AND q.window_start < %(next)s::date
GROUP BY u.unit
