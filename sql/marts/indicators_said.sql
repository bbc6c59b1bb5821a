-- purpose: every declared indicator of the wanted cells that has a value
-- reads:   wanted, equipment, marts.unit_periods, marts.cells, marts.units, marts.targets
-- writes:  temporary table said
-- run by:  indicators.refresh

CREATE TEMPORARY TABLE said ON COMMIT DROP AS
WITH communes AS (
    -- How many communes received dossiers, and how many some from another commune's people: no sum of cells says it.
    SELECT w.kind, w.start, c.unit, count(*) FILTER (WHERE c.received > 0) AS receiving,
        count(*) FILTER (WHERE c.outside > 0) AS free
    FROM (SELECT DISTINCT kind, start FROM wanted) w
    JOIN (
        SELECT x.kind, x.start, x.received, x.outside, g.unit
        FROM marts.cells x
        JOIN marts.units u ON u.unit = x.unit AND u.level = 'commune'
        CROSS JOIN LATERAL (VALUES (u.unit), (u.sum), (%(agency)s)) AS g (unit)
    ) c USING (kind, start)
    GROUP BY 1, 2, 3
), measured AS (
    SELECT v.*, c.receiving AS communes_receiving, c.free AS communes_free, e.points, e.counters, e.computers, e.staff,
        e.scanners, e.network, e.bandwidth,
        v.fee_dossiers * (
            SELECT t.baseline FROM marts.targets t
            LEFT JOIN marts.units u ON u.unit = v.unit
            WHERE t.indicator = 'giam_chi_phi' AND t.unit IN (v.unit, u.sum, '')
            ORDER BY t.unit = v.unit DESC, t.unit = '' LIMIT 1
        ) AS fee_baseline
    FROM wanted w
    JOIN marts.unit_periods v USING (unit, kind, start)
    LEFT JOIN communes c USING (unit, kind, start)
    LEFT JOIN equipment e USING (unit, kind, start)
)
SELECT i.indicator, m.unit, m.kind, m.start, i.numerator, i.denominator,
    CASE WHEN i.bare THEN round(i.numerator * i.scale, 6)
        ELSE round(i.numerator * i.scale / i.denominator, 6) END AS value
FROM measured m
CROSS JOIN LATERAL (VALUES {declared}) AS i (indicator, numerator, denominator, bare, scale)
WHERE i.numerator IS NOT NULL AND (i.bare OR i.denominator <> 0)
