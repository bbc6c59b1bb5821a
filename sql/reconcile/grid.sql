-- purpose: every question that there is about one dataset: each unit and range of days, the newest days apart
-- reads:   accepted (a temporary table of the session)
-- writes:  grid, a temporary table of the session
-- run by:  reconcile.planning

-- The older ranges lie on a fixed grid that begins on a Monday, so that a look of last week is one of the same range.
-- A unit's begin with its own first day. What lies more than two years back is asked for only where something was
-- accepted: one dossier of a wrong year must not cost a century of weeks.
INSERT INTO grid (dataset, unit, first_day, last_day, recent)
WITH bounds AS (
    SELECT (least(max(day), %(today)s::date) - interval '2 years')::date AS floor,
        coalesce(%(last)s::date, %(today)s::date - %(recent)s::integer) AS last
    FROM accepted
), units AS (
    SELECT unit, min(day) AS first FROM accepted WHERE unit IS NOT NULL GROUP BY unit
), ranges AS (
    SELECT u.unit, n
    FROM units u
    CROSS JOIN bounds b
    CROSS JOIN LATERAL (SELECT coalesce(%(first)s::date, greatest(u.first, b.floor)) AS first) s
    CROSS JOIN LATERAL generate_series(
        floor((s.first - date '1970-01-05') / %(slice)s::numeric)::integer,
        floor((b.last - date '1970-01-05') / %(slice)s::numeric)::integer
    ) AS n
    WHERE s.first <= b.last AND (%(first)s::date IS NOT NULL OR u.first IS NOT NULL)
    UNION
    SELECT a.unit, floor((a.day - date '1970-01-05') / %(slice)s::numeric)::integer
    FROM accepted a
    CROSS JOIN bounds b
    WHERE %(first)s::date IS NULL AND a.unit IS NOT NULL AND a.day < b.floor AND a.day <= b.last
), older AS (
    SELECT r.unit, greatest(s.first, %(first)s::date) AS first, least(s.first + %(slice)s::integer - 1, b.last) AS last
    FROM ranges r
    CROSS JOIN bounds b
    CROSS JOIN LATERAL (SELECT date '1970-01-05' + r.n * %(slice)s::integer AS first) s
)
SELECT %(dataset)s, o.unit, o.first, o.last, false FROM older o
UNION ALL
SELECT %(dataset)s, u.unit, %(today)s::date - %(recent)s::integer + 1, %(today)s::date, true FROM units u
WHERE %(first)s::date IS NULL
