-- purpose: the dataset thong_tin_xa: what the public app shows of each commune
-- reads:   marts.indicator_state, marts.declared, core.chi_so, core.don_vi, core.diem_phuc_vu, core.thu_tuc
-- writes:  marts.thong_tin_xa
-- run by:  Warehouse.migrate, after the tables of the contracts

-- Only columns of class public are read of core, and of the marts which indicators are declared open: a test follows
-- the view to its tables and their contracts. Figures are those that were judged and promoted, of the newest month that
-- is whole, so that a document changes by the month; what chi_so hides is left out. The procedures are those of the
-- level: which of them a commune has had to do with no public column says. A number that may be a person's is never
-- shown. Lists are JSON as the app gets them, with their keys in the order of names.
CREATE VIEW marts.thong_tin_xa AS
WITH stands AS (
    SELECT horizon, (date_trunc('month', horizon + 1) - interval '1 month')::date AS month,
        date_trunc('month', horizon + 1)::date - 1 AS last
    FROM marts.indicator_state
), served AS (
    SELECT count(*) AS number, array_to_json(array_agg(row_to_json(q) ORDER BY q.ma)) AS list
    FROM (
        SELECT t.don_vi_tinh, t.ten_linh_vuc AS linh_vuc, t.ma_tthc AS ma, t.ten_tthc AS ten,
            trim_scale(t.thoi_gian_giai_quyet) AS thoi_han
        FROM core.thu_tuc t
        WHERE t._deleted_at IS NULL AND t.trang_thai = '1' AND '3' = ANY (string_to_array(t.cap_thuc_hien, ','))
    ) q
), shown AS (
    SELECT i.ma_don_vi, array_to_json(array_agg(row_to_json(f) ORDER BY i.ma_chi_so)) AS list
    FROM stands s
    JOIN core.chi_so i ON i.ky = 'thang' AND i.bat_dau = s.month AND i.quan_sat_luc > s.last
        AND i.gia_tri IS NOT NULL AND i._deleted_at IS NULL
    JOIN marts.declared d ON d.indicator = i.ma_chi_so AND d.open
    CROSS JOIN LATERAL (
        SELECT i.don_vi_tinh,
            trim_scale(round(CASE WHEN i.don_vi_tinh = '%' THEN 100 * i.gia_tri ELSE i.gia_tri END, 4)) AS gia_tri,
            i.ma_chi_so AS ma, trim_scale(i.mau_so) AS mau_so, d.name AS ten, trim_scale(i.tu_so) AS tu_so
    ) f
    GROUP BY i.ma_don_vi
)
SELECT
    v.ma_xa,
    v.ma_don_vi,
    v.ten_don_vi AS ten_xa,
    CASE WHEN NOT ops.has_personal_number(p.tru_so) THEN p.tru_so END AS tru_so,
    CASE WHEN ops.is_office_phone(p.dien_thoai) THEN p.dien_thoai END AS dien_thoai,
    p.gio_sang,
    p.gio_chieu,
    p.lam_thu_bay,
    p.so_quay,
    c.number AS so_thu_tuc,
    coalesce(c.list, '[]')::text AS thu_tuc,
    coalesce(i.list, '[]')::text AS chi_so,
    s.month AS thang,
    s.last AS so_lieu_den_ngay,
    '1' AS phien_ban_cau_truc
FROM stands s
CROSS JOIN served c
JOIN core.don_vi v ON v._deleted_at IS NULL AND v.loai = 'COMMUNE_PEOPLE_COMMITTEE'
    AND coalesce(v.hieu_luc_tu, '-infinity') <= s.horizon AND s.horizon < coalesce(v.hieu_luc_den, 'infinity')
LEFT JOIN core.diem_phuc_vu p ON p.ma_don_vi = v.ma_don_vi AND p._deleted_at IS NULL
LEFT JOIN shown i ON i.ma_don_vi = v.ma_don_vi;
