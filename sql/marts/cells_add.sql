-- purpose: add the difference to the cells
-- reads:   delta
-- writes:  marts.cells
-- run by:  indicators.refresh

INSERT INTO marts.cells AS c (unit, kind, start, {names})
SELECT unit, kind, start, {names} FROM delta
ON CONFLICT (unit, kind, start) DO UPDATE SET {adds}
