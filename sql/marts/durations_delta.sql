-- purpose: by how many dossiers of each working time the cells differ
-- reads:   changed
-- writes:  temporary table spans
-- run by:  indicators.refresh

CREATE TEMPORARY TABLE spans ON COMMIT DROP AS
WITH each AS (
    SELECT f.ma_don_vi AS unit, f.level_sum, f.local_end AS day, f.working_minutes AS minutes, sum(f.sign) AS n
    FROM changed f
    WHERE f.local_class IN ('early', 'on_time', 'late') AND f.local_end BETWEEN f.floor AND f.horizon
        AND {timed}
    GROUP BY 1, 2, 3, 4
    HAVING sum(f.sign) <> 0
)
SELECT u.unit, p.kind, p.start, e.minutes, sum(e.n) AS n
FROM each e
CROSS JOIN LATERAL (VALUES
    ('day', e.day), ('month', date_trunc('month', e.day)::date), ('quarter', date_trunc('quarter', e.day)::date),
    ('year', date_trunc('year', e.day)::date)
) AS p (kind, start)
CROSS JOIN LATERAL (
    SELECT e.unit UNION SELECT e.level_sum UNION SELECT %(agency)s
) AS u (unit)
GROUP BY 1, 2, 3, 4
HAVING sum(e.n) <> 0
