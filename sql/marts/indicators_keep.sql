-- purpose: move what the wanted cells no longer say into the history
-- reads:   wanted, said
-- writes:  marts.indicators, marts.indicators_history
-- run by:  indicators.refresh

WITH gone AS (
    DELETE FROM marts.indicators i
    USING wanted w
    WHERE (i.unit, i.kind, i.start) = (w.unit, w.kind, w.start)
      AND NOT EXISTS (
          SELECT FROM said s
          WHERE (s.indicator, s.unit, s.kind, s.start) = (i.indicator, i.unit, i.kind, i.start)
            AND (s.numerator, s.denominator, s.value)
                IS NOT DISTINCT FROM (i.numerator, i.denominator, i.value)
      )
    RETURNING i.*
)
INSERT INTO marts.indicators_history (indicator, unit, kind, start, numerator, denominator, value, known_from, known_to)
-- The clock of people can be set back; what was said was said for some time all the same.
SELECT indicator, unit, kind, start, numerator, denominator, value, known_from, greatest(known_from, %(moment)s)
FROM gone
