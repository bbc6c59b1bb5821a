-- purpose: the dataset chi_so: every value of every indicator by month, quarter and year
-- reads:   marts.indicators, marts.periods, marts.declared, marts.unit_periods, marts.units, marts.indicator_state,
--          marts.small_cells
-- writes:  marts.chi_so
-- run by:  Warehouse.migrate, after the tables of the contracts

-- Days are not told: a centre watches periods. tinh_luc is when the value became known, so that computing it again
-- changes nothing. A period that goes on is observed up to the horizon, which is what marts.periods calls stands.
-- A figure that tells of few has no value here: a count, what a count leaves of its whole, either side of a rate, or
-- fewer behind it than marts.small_cells wants. The row stays, so that hiding a figure is never taken for its end.
CREATE VIEW marts.chi_so AS
WITH figures AS (
    SELECT i.*, d.unit AS measured_in, p.stands,
        coalesce(u.sum, CASE WHEN u.level <> 'province' THEN s.agency END) AS within,
        d.guarded AND CASE WHEN d.form IN ('count', 'stock', 'sum')
            THEN ops.is_small(i.value, c.below) OR ops.is_small((m.values ->> d.whole)::numeric - i.value, c.below)
                OR ops.is_small((m.values ->> d.behind)::numeric, c.below)
            ELSE coalesce((m.values ->> d.behind)::numeric, i.denominator) < c.least
                OR ops.is_small((m.values ->> d.beside)::numeric, c.below)
                OR (d.form = 'ratio' AND d.behind IS NULL AND (
                    ops.is_small(i.numerator, c.below) OR ops.is_small(i.denominator - i.numerator, c.below)))
        END AS few
    FROM marts.indicators i
    CROSS JOIN marts.small_cells c
    CROSS JOIN marts.indicator_state s
    JOIN marts.declared d ON d.indicator = i.indicator
    JOIN marts.periods p ON (p.kind, p.start) = (i.kind, i.start)
    JOIN marts.units u ON u.unit = i.unit
    LEFT JOIN LATERAL (
        SELECT to_jsonb(m) AS values FROM marts.unit_periods m
        WHERE (m.unit, m.kind, m.start) = (i.unit, i.kind, i.start)
    ) m ON num_nonnulls(d.whole, d.behind, d.beside) > 0
    WHERE i.kind IN ('month', 'quarter', 'year')
), compared AS (
    -- One hidden unit could be computed from the sum and the others: the smallest of these is hidden with it.
    SELECT *, count(*) FILTER (WHERE few) OVER same = 1 AND within IS NOT NULL AND row_number() OVER (
            same ORDER BY few, coalesce(denominator, value), unit
        ) = 1 AS joins
    FROM figures
    WINDOW same AS (PARTITION BY indicator, kind, start, within)
)
SELECT
    indicator AS ma_chi_so,
    unit AS ma_don_vi,
    CASE kind WHEN 'month' THEN 'thang' WHEN 'quarter' THEN 'quy' WHEN 'year' THEN 'nam' END AS ky,
    start AS bat_dau,
    CASE WHEN NOT (few OR joins) THEN round(value, 6) END AS gia_tri,
    CASE WHEN NOT (few OR joins) THEN round(numerator, 6) END AS tu_so,
    CASE WHEN NOT (few OR joins) THEN round(denominator, 6) END AS mau_so,
    measured_in AS don_vi_tinh,
    (stands + 1)::timestamp(0) AS quan_sat_luc,
    ops.local(known_from)::timestamp(0) AS tinh_luc
FROM compared;
