-- purpose: the stocks at the end of each day that differ: from the first day on which a unit's moves changed
-- reads:   delta, marts.cells, marts.stocks, marts.units
-- writes:  temporary table stocks
-- run by:  indicators.refresh

CREATE TEMPORARY TABLE stocks ON COMMIT DROP AS
WITH begins AS (
    SELECT u.unit, CASE WHEN u.unit = ANY (%(new_units)s) THEN %(opening)s::date
        ELSE greatest(%(opening)s::date, least(%(from)s::date, min(d.start))) END AS day
    FROM marts.units u
    LEFT JOIN delta d ON d.unit = u.unit AND d.kind = 'day' AND d.start <= %(horizon)s::date
        AND (d.opened, d.closed, d.overdue_in, d.overdue_out) <> (0, 0, 0, 0)
    GROUP BY u.unit
), days AS (
    SELECT b.unit, b.day AS begins, s.day::date AS day, coalesce(c.opened - c.closed, 0) AS pending,
        coalesce(c.overdue_in - c.overdue_out, 0) AS overdue
    FROM begins b
    CROSS JOIN LATERAL generate_series(b.day, %(horizon)s::date, interval '1 day') AS s (day)
    LEFT JOIN marts.cells c ON (c.unit, c.kind, c.start) = (b.unit, 'day', s.day::date)
), summed AS (
    SELECT d.unit, d.day, coalesce(o.pending, 0) + sum(d.pending) OVER same AS pending,
        coalesce(o.overdue, 0) + sum(d.overdue) OVER same AS overdue
    FROM days d
    LEFT JOIN marts.stocks o ON (o.unit, o.day) = (d.unit, d.begins - 1)
    WINDOW same AS (PARTITION BY d.unit ORDER BY d.day)
)
SELECT unit, day, n.pending::bigint AS pending, n.overdue::bigint AS overdue
FROM summed n
LEFT JOIN marts.stocks s USING (unit, day)
WHERE (n.pending, n.overdue) IS DISTINCT FROM (s.pending, s.overdue)
