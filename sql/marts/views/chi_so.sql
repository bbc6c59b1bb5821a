-- purpose: the dataset chi_so: every value of every indicator by month, quarter and year
-- reads:   marts.indicators, marts.periods, marts.declared
-- writes:  marts.chi_so
-- run by:  Warehouse.migrate, after the tables of the contracts

-- Days are not told: a centre watches periods. tinh_luc is when the value became known, so that computing it again
-- changes nothing. A period that goes on is observed up to the horizon, which is what marts.periods calls stands.
CREATE VIEW marts.chi_so AS
SELECT
    i.indicator AS ma_chi_so,
    i.unit AS ma_don_vi,
    CASE i.kind WHEN 'month' THEN 'thang' WHEN 'quarter' THEN 'quy' WHEN 'year' THEN 'nam' END AS ky,
    i.start AS bat_dau,
    round(i.value, 6) AS gia_tri,
    round(i.numerator, 6) AS tu_so,
    round(i.denominator, 6) AS mau_so,
    d.unit AS don_vi_tinh,
    (p.stands + 1)::timestamp(0) AS quan_sat_luc,
    (i.known_from AT TIME ZONE 'Asia/Ho_Chi_Minh')::timestamp(0) AS tinh_luc
FROM marts.indicators i
JOIN marts.declared d ON d.indicator = i.indicator
JOIN marts.periods p ON (p.kind, p.start) = (i.kind, i.start)
WHERE i.kind IN ('month', 'quarter', 'year');
