-- purpose: the cells whose indicators may say something else: their measures, stocks or period moved
-- reads:   delta, stocks, marts.periods, marts.units
-- writes:  temporary table wanted
-- run by:  indicators.refresh

CREATE TEMPORARY TABLE wanted ON COMMIT DROP AS
SELECT d.unit, p.kind, p.start, p.stands
FROM delta d
JOIN marts.periods p USING (kind, start)
UNION
SELECT s.unit, p.kind, p.start, p.stands
FROM stocks s
JOIN marts.periods p ON p.stands = s.day OR p.start - 1 = s.day
UNION
SELECT u.unit, p.kind, p.start, p.stands
FROM marts.units u
CROSS JOIN marts.periods p
WHERE %(everything)s OR (p.kind, p.start) IN (SELECT * FROM unnest(%(kinds)s::text[], %(starts)s::date[]))
