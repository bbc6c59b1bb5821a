-- purpose: the dataset thong_tin_xa: what the public app shows of each commune
-- reads:   marts.indicator_state, marts.indicators, marts.declared, core.don_vi, core.diem_phuc_vu, core.thu_tuc
-- writes:  marts.thong_tin_xa
-- run by:  Warehouse.migrate, after the tables of the contracts

-- Only columns of class public are read of core, and of the marts only sums that are declared open: a test follows the
-- view to its tables and their contracts. Lists are JSON as the app gets them, with their keys in the order of names.
CREATE VIEW marts.thong_tin_xa AS
WITH stands AS (
    SELECT horizon, date_trunc('month', horizon)::date AS month FROM marts.indicator_state
), served AS (
    SELECT count(*) AS number, array_to_json(array_agg(row_to_json(q) ORDER BY q.ma)) AS list
    FROM (
        SELECT t.don_vi_tinh, t.ten_linh_vuc AS linh_vuc, t.ma_tthc AS ma, t.ten_tthc AS ten,
            trim_scale(t.thoi_gian_giai_quyet) AS thoi_han
        FROM core.thu_tuc t
        WHERE t._deleted_at IS NULL AND t.trang_thai = '1' AND '3' = ANY (string_to_array(t.cap_thuc_hien, ','))
    ) q
), shown AS (
    SELECT i.unit, array_to_json(array_agg(row_to_json(f) ORDER BY i.indicator)) AS list
    FROM stands s
    JOIN marts.indicators i ON i.kind = 'month' AND i.start = s.month
    JOIN marts.declared d ON d.indicator = i.indicator AND d.open
    CROSS JOIN LATERAL (
        SELECT d.unit AS don_vi_tinh, trim_scale(round(i.value, 4)) AS gia_tri, i.indicator AS ma,
            trim_scale(i.denominator) AS mau_so, d.name AS ten, trim_scale(i.numerator) AS tu_so
    ) f
    GROUP BY i.unit
)
SELECT
    v.ma_xa,
    v.ma_don_vi,
    v.ten_don_vi AS ten_xa,
    p.tru_so,
    p.dien_thoai,
    p.gio_sang,
    p.gio_chieu,
    p.lam_thu_bay,
    p.so_quay,
    c.number AS so_thu_tuc,
    coalesce(c.list, '[]')::text AS thu_tuc,
    coalesce(i.list, '[]')::text AS chi_so,
    s.month AS thang,
    s.horizon AS so_lieu_den_ngay,
    '1' AS phien_ban_cau_truc
FROM stands s
CROSS JOIN served c
JOIN core.don_vi v ON v._deleted_at IS NULL AND v.loai = 'COMMUNE_PEOPLE_COMMITTEE'
    AND coalesce(v.hieu_luc_tu, '-infinity') <= s.horizon AND s.horizon < coalesce(v.hieu_luc_den, 'infinity')
LEFT JOIN core.diem_phuc_vu p ON p.ma_don_vi = v.ma_don_vi AND p._deleted_at IS NULL
LEFT JOIN shown i ON i.unit = v.ma_don_vi;
