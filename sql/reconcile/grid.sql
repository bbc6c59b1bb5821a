-- purpose: every question that there is about one dataset: each unit and range of days, the newest days apart
-- reads:   accepted (a temporary table of the session)
-- writes:  grid, a temporary table of the session
-- run by:  reconcile.planning

-- The older ranges lie on a fixed grid that begins on a Monday, so that a look of last week is one of the same range.
INSERT INTO grid (dataset, unit, first_day, last_day, recent)
WITH units AS (
    SELECT DISTINCT unit FROM accepted WHERE unit IS NOT NULL
), asked AS (
    SELECT coalesce(%(first)s::date, min(day)) AS first,
        coalesce(%(last)s::date, %(today)s::date - %(recent)s::integer) AS last
    FROM accepted
), older AS (
    SELECT greatest(s.first, %(first)s::date) AS first, least(s.first + %(slice)s::integer - 1, a.last) AS last
    FROM asked a
    CROSS JOIN LATERAL generate_series(
        (a.first - date '1970-01-05') / %(slice)s::integer, (a.last - date '1970-01-05') / %(slice)s::integer
    ) AS n
    CROSS JOIN LATERAL (SELECT date '1970-01-05' + n * %(slice)s::integer AS first) s
    WHERE a.first <= a.last
)
SELECT %(dataset)s, u.unit, o.first, o.last, false FROM units u CROSS JOIN older o
UNION ALL
SELECT %(dataset)s, u.unit, %(today)s::date - %(recent)s::integer + 1, %(today)s::date, true FROM units u
WHERE %(first)s::date IS NULL
