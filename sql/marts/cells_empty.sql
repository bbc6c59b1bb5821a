-- purpose: a cell in which nothing is left is no cell
-- reads:   delta
-- writes:  marts.cells
-- run by:  indicators.refresh

DELETE FROM marts.cells c
USING delta d
WHERE (c.unit, c.kind, c.start) = (d.unit, d.kind, d.start) AND {nothing}
