-- purpose: write the stocks that differ
-- reads:   stocks
-- writes:  marts.stocks
-- run by:  indicators.refresh

INSERT INTO marts.stocks (unit, day, pending, overdue)
SELECT unit, day, pending, overdue FROM stocks
ON CONFLICT (unit, day) DO UPDATE SET pending = excluded.pending, overdue = excluded.overdue
