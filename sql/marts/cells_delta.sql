-- purpose: the moves of each unit, of its sum and of the province, for the day, month, quarter and year
-- reads:   moves
-- writes:  temporary table delta
-- run by:  indicators.refresh

CREATE TEMPORARY TABLE delta ON COMMIT DROP AS
SELECT u.unit, p.kind, p.start, {sums}
FROM moves m
CROSS JOIN LATERAL (
    SELECT m.unit UNION SELECT m.level_sum UNION SELECT %(agency)s
) AS u (unit)
CROSS JOIN LATERAL (VALUES
    ('day', m.day), ('month', date_trunc('month', m.day)::date), ('quarter', date_trunc('quarter', m.day)::date),
    ('year', date_trunc('year', m.day)::date)
) AS p (kind, start)
WHERE p.kind = 'day' OR NOT m.opening
GROUP BY 1, 2, 3
