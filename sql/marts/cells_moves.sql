-- purpose: what the changed dossiers take from and add to the measures, by unit and day
-- reads:   changed
-- writes:  temporary table moves
-- run by:  indicators.refresh

-- A day beyond the horizon counts once the horizon reaches it; only when a dossier will be late is known before. What was
-- before the floor moves the stocks alone: all of it lies on the day before, and no period counts it.
CREATE TEMPORARY TABLE moves ON COMMIT DROP AS
SELECT f.ma_don_vi AS unit, f.level_sum, greatest(e.day, f.floor - 1) AS day, e.day < f.floor AS opening, {sums},
    {in_time}, {feedback}
FROM changed f
CROSS JOIN LATERAL (VALUES {days}) AS e (event, day)
WHERE e.day <= f.horizon OR (e.event = 'late' AND e.day IS NOT NULL)
GROUP BY 1, 2, 3, 4
