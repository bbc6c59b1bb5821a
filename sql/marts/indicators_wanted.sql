-- purpose: the cells whose indicators may say something else: their measures, stocks, equipment or period moved
-- reads:   delta, stocks, equipped, marts.periods, marts.units
-- writes:  temporary table wanted
-- run by:  indicators.refresh

CREATE TEMPORARY TABLE wanted ON COMMIT DROP AS
SELECT d.unit, p.kind, p.start, p.stands
FROM delta d
JOIN marts.periods p USING (kind, start)
UNION
SELECT s.unit, p.kind, p.start, p.stands
FROM stocks s
JOIN marts.periods p ON p.stands = s.day OR p.begins - 1 = s.day
UNION
SELECT g.unit, p.kind, p.start, p.stands
FROM equipped e
JOIN marts.units u USING (unit)
CROSS JOIN LATERAL (SELECT u.unit UNION SELECT u.sum UNION SELECT %(agency)s) AS g (unit)
JOIN marts.periods p ON p.stands >= e.day
UNION
SELECT u.unit, p.kind, p.start, p.stands
FROM marts.units u
CROSS JOIN marts.periods p
WHERE %(everything)s OR (p.kind, p.start) IN (SELECT * FROM unnest(%(kinds)s::text[], %(starts)s::date[]))
