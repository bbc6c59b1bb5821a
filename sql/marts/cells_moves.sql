-- purpose: what the changed dossiers take from and add to the measures, by unit and day
-- reads:   changed
-- writes:  temporary table moves
-- run by:  indicators.refresh

CREATE TEMPORARY TABLE moves ON COMMIT DROP AS
SELECT f.ma_don_vi AS unit, f.level_sum, e.day, {sums}, {in_time}, {feedback}
FROM changed f
CROSS JOIN LATERAL (VALUES {days}) AS e (event, day)
WHERE e.day IS NOT NULL
GROUP BY 1, 2, 3
