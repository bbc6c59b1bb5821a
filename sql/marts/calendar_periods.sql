-- purpose: the periods from the first day of any measure to the horizon, and the day that the stocks of each are of
-- reads:   marts.periods
-- writes:  marts.periods
-- run by:  indicators.refresh; gives the periods that are new or have gone on

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
INSERT INTO marts.periods AS p (kind, start, last, stands)
SELECT kind, start, last, least(last, %(horizon)s::date) FROM periods
ON CONFLICT (kind, start) DO UPDATE SET stands = excluded.stands WHERE p.stands <> excluded.stands
RETURNING kind, start
