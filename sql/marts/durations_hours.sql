-- purpose: add the difference to the histograms by the hour
-- reads:   spans
-- writes:  marts.duration_hours
-- run by:  indicators.refresh

INSERT INTO marts.duration_hours AS h (unit, kind, start, hour, n)
SELECT unit, kind, start, minutes / 60, sum(n)
FROM spans
GROUP BY 1, 2, 3, 4
HAVING sum(n) <> 0
ORDER BY 1, 2, 3, 4
ON CONFLICT (unit, kind, start, hour) DO UPDATE SET n = h.n + excluded.n
