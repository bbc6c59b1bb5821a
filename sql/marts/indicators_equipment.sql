-- purpose: counters, equipment and network of the units and their sums, as they stood at the end of each wanted period
-- reads:   wanted, core.diem_phuc_vu, history.diem_phuc_vu, marts.units
-- writes:  equipment
-- run by:  indicators.refresh, where the dataset exists

INSERT INTO equipment (unit, kind, start, points, counters, computers, staff, scanners, network, bandwidth)
WITH stands AS (
    SELECT DISTINCT stands FROM wanted
), versions AS (
    SELECT ma_don_vi, _source_time, _deleted_at, so_quay, so_may_tinh, so_can_bo, so_may_quet, mang_chuyen_dung,
        bang_thong_mbps
    FROM core.diem_phuc_vu
    UNION ALL
    SELECT ma_don_vi, _source_time, _deleted_at, so_quay, so_may_tinh, so_can_bo, so_may_quet, mang_chuyen_dung,
        bang_thong_mbps
    FROM history.diem_phuc_vu
), held AS (
    SELECT DISTINCT ON (s.stands, v.ma_don_vi) s.stands, v.*
    FROM stands s
    JOIN versions v ON v._source_time <= (s.stands + 1)::timestamp
    ORDER BY s.stands, v.ma_don_vi, v._source_time DESC, v._deleted_at NULLS FIRST
), sums AS (
    SELECT u.unit, t.stands, count(*) AS points, sum(t.so_quay::numeric) AS counters,
        sum(t.so_may_tinh::numeric) AS computers, sum(t.so_can_bo::numeric) AS staff,
        sum(t.so_may_quet::numeric) AS scanners, count(*) FILTER (WHERE t.mang_chuyen_dung = '1') AS network,
        sum(t.bang_thong_mbps::numeric) AS bandwidth
    FROM held t
    JOIN marts.units v ON v.unit = t.ma_don_vi
    CROSS JOIN LATERAL (SELECT v.unit UNION SELECT v.sum UNION SELECT %(agency)s) AS u (unit)
    WHERE t._deleted_at IS NULL
    GROUP BY 1, 2
)
SELECT w.unit, w.kind, w.start, s.points, s.counters, s.computers, s.staff, s.scanners, s.network, s.bandwidth
FROM wanted w
JOIN sums s USING (unit, stands)
