-- purpose: say what the wanted cells do not say yet
-- reads:   said
-- writes:  marts.indicators
-- run by:  indicators.refresh, after what no longer holds has gone

INSERT INTO marts.indicators (indicator, unit, kind, start, numerator, denominator, value, known_from)
SELECT indicator, unit, kind, start, numerator, denominator, value, %(moment)s
FROM said
ON CONFLICT (indicator, unit, kind, start) DO NOTHING
