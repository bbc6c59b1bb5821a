-- purpose: nothing is said of a day before the first that has a measure, nor of an indicator that is not declared
-- reads:   marts.periods
-- writes:  marts.indicators, marts.indicators_history
-- run by:  indicators.refresh, when the first day or the declarations moved

WITH gone AS (
    DELETE FROM marts.indicators i
    WHERE NOT i.indicator = ANY (%(declared)s)
       OR NOT EXISTS (SELECT FROM marts.periods p WHERE (p.kind, p.start) = (i.kind, i.start))
    RETURNING i.*
)
INSERT INTO marts.indicators_history (indicator, unit, kind, start, numerator, denominator, value, known_from, known_to)
SELECT indicator, unit, kind, start, numerator, denominator, value, known_from, greatest(known_from, %(moment)s)
FROM gone
