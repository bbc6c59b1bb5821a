-- purpose: the periods from the first day of any measure to the horizon, and the days that each begins and stands at
-- reads:   marts.periods
-- writes:  marts.periods
-- run by:  indicators.refresh; gives the periods that are new, have gone on or begin otherwise

WITH days AS (
    SELECT day::date FROM generate_series(%(first)s::date, %(horizon)s::date, interval '1 day') AS d (day)
), periods AS (
    SELECT 'day' AS kind, day AS start, day AS last FROM days
    UNION
    SELECT k.kind, date_trunc(k.kind, day)::date, (date_trunc(k.kind, day) + k.length)::date - 1
    FROM days
    CROSS JOIN (VALUES
        ('month', interval '1 month'), ('quarter', interval '3 months'), ('year', interval '1 year')
    ) AS k (kind, length)
)
INSERT INTO marts.periods AS p (kind, start, last, begins, stands)
SELECT kind, start, last, greatest(start, %(first)s::date), least(last, %(horizon)s::date) FROM periods
ON CONFLICT (kind, start) DO UPDATE SET begins = excluded.begins, stands = excluded.stands
WHERE (p.begins, p.stands) <> (excluded.begins, excluded.stands)
RETURNING kind, start
