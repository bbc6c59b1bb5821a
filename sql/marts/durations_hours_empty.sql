-- purpose: no hour in a histogram that no dossier has any more
-- reads:   spans
-- writes:  marts.duration_hours
-- run by:  indicators.refresh

DELETE FROM marts.duration_hours h
USING spans s
WHERE (h.unit, h.kind, h.start, h.hour) = (s.unit, s.kind, s.start, s.minutes / 60) AND h.n = 0
