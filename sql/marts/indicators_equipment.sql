-- purpose: counters, equipment and network of the units and their sums, as they stood at the end of each wanted period
-- reads:   wanted, marts.equipment, marts.units
-- writes:  temporary table equipment
-- run by:  indicators.refresh

CREATE TEMPORARY TABLE equipment ON COMMIT DROP AS
WITH stands AS (
    SELECT DISTINCT stands FROM wanted
), held AS (
    SELECT DISTINCT ON (s.stands, v.unit) s.stands, v.*
    FROM stands s
    JOIN marts.equipment v ON v.since < s.stands + 1
    ORDER BY s.stands, v.unit, v.since DESC
), sums AS (
    SELECT u.unit, t.stands, count(*)::numeric AS points, sum(t.counters) AS counters, sum(t.computers) AS computers,
        sum(t.staff) AS staff, sum(t.scanners) AS scanners, (count(*) FILTER (WHERE t.network))::numeric AS network,
        sum(t.bandwidth) AS bandwidth
    FROM held t
    JOIN marts.units v USING (unit)
    CROSS JOIN LATERAL (SELECT v.unit UNION SELECT v.sum UNION SELECT %(agency)s) AS u (unit)
    WHERE t.there
    GROUP BY 1, 2
)
SELECT w.unit, w.kind, w.start, s.points, s.counters, s.computers, s.staff, s.scanners, s.network, s.bandwidth
FROM wanted w
JOIN sums s USING (unit, stands)
