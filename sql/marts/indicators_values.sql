-- purpose: what the indicators say, or said at a moment
-- reads:   marts.indicators, marts.indicators_history
-- writes:  nothing
-- run by:  indicators.reading.values

SELECT indicator, unit, kind, start, numerator, denominator, value, known_from
FROM (
    SELECT indicator, unit, kind, start, numerator, denominator, value, known_from, NULL::timestamptz AS known_to
    FROM marts.indicators
    UNION ALL
    SELECT indicator, unit, kind, start, numerator, denominator, value, known_from, known_to
    FROM marts.indicators_history
    WHERE %(as_of)s::timestamptz IS NOT NULL
) AS said
WHERE kind = %(kind)s AND start BETWEEN %(first)s AND %(last)s
  AND (cardinality(%(indicators)s::text[]) = 0 OR indicator = ANY (%(indicators)s))
  AND (cardinality(%(units)s::text[]) = 0 OR unit = ANY (%(units)s))
  AND (%(as_of)s::timestamptz IS NULL OR known_from <= %(as_of)s AND (known_to IS NULL OR %(as_of)s < known_to))
ORDER BY indicator, unit, start
