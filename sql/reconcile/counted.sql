-- purpose: how one part came out, in records
-- reads:   doubtful, held, accepted (temporary tables of the session)
-- writes:  nothing
-- run by:  reconcile.looking

SELECT
    (SELECT count(*) FROM held) AS held,
    e.expected,
    e.expected - e.otherwise AS equal,
    d.differing,
    d.on_the_way
FROM (
    SELECT count(*) AS expected, count(*) FILTER (WHERE EXISTS (
            SELECT FROM doubtful f WHERE f.record_key = a.record_key
        )) AS otherwise
    FROM accepted a
    WHERE NOT a.deleted AND NOT a.gone AND (%(unit)s = '' OR a.unit = %(unit)s)
      AND (%(first)s::date IS NULL OR a.day BETWEEN %(first)s AND %(last)s)
) e
CROSS JOIN (
    SELECT count(*) FILTER (WHERE NOT on_the_way) AS differing, count(*) FILTER (WHERE on_the_way) AS on_the_way
    FROM doubtful
) d
