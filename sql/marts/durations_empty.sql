-- purpose: no place in a histogram for a working time that no dossier has any more
-- reads:   spans
-- writes:  marts.durations
-- run by:  indicators.refresh

DELETE FROM marts.durations d
USING spans s
WHERE (d.unit, d.kind, d.start, d.minutes) = (s.unit, s.kind, s.start, s.minutes) AND d.n = 0
