-- purpose: the windows in which chosen rows are held, oldest first
-- reads:   quarantine.rows, core of other datasets
-- writes:  nothing
-- run by:  warehouse.quarantine

SELECT DISTINCT q.window_start, q.window_end
FROM quarantine.rows q
WHERE q.dataset = %(dataset)s AND q.state = 'open' AND {chosen}
ORDER BY 1
