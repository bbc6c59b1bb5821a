-- purpose: the 90th percentile of the changed histograms by nearest rank: the least time that nine tenths do not exceed
-- reads:   spans, marts.duration_hours, marts.durations
-- writes:  marts.cells
-- run by:  indicators.refresh

WITH cells AS MATERIALIZED (
    SELECT DISTINCT unit, kind, start FROM spans
), hours AS (
    SELECT h.unit, h.kind, h.start, h.hour, h.n, sum(h.n) OVER (same ORDER BY h.hour) AS upto, sum(h.n) OVER same AS total
    FROM marts.duration_hours h
    JOIN cells USING (unit, kind, start)
    WINDOW same AS (PARTITION BY h.unit, h.kind, h.start)
), reached AS MATERIALIZED (
    SELECT DISTINCT ON (unit, kind, start) unit, kind, start, hour, upto - n AS below, total
    FROM hours
    WHERE upto * 10 >= total * 9
    ORDER BY unit, kind, start, hour
), ranked AS (
    SELECT r.unit, r.kind, r.start, d.minutes, r.total,
        r.below + sum(d.n) OVER (PARTITION BY r.unit, r.kind, r.start ORDER BY d.minutes) AS upto
    FROM reached r
    JOIN marts.durations d ON (d.unit, d.kind, d.start) = (r.unit, r.kind, r.start)
        AND d.minutes BETWEEN r.hour * 60 AND r.hour * 60 + 59
), found AS (
    SELECT unit, kind, start, min(minutes) AS minutes FROM ranked WHERE upto * 10 >= total * 9 GROUP BY 1, 2, 3
)
UPDATE marts.cells c
SET p90_minutes = f.minutes
FROM cells
LEFT JOIN found f USING (unit, kind, start)
WHERE (c.unit, c.kind, c.start) = (cells.unit, cells.kind, cells.start) AND c.p90_minutes IS DISTINCT FROM f.minutes
