-- purpose: the bodies of progress steps for CapNhatTienDoHoSoMC, one for each wanted version that core still holds
-- reads:   core.tien_trinh
-- writes:  nothing
-- run by:  publishing, in the transaction that claims the records

-- Fields stand in the order of their names, as in national_portal.ho_so.sql. "Chuyên viên" is the protocol's own
-- word for an officer who is not named; every other absent value is the empty text.
SELECT
    s._record_key AS record_key,
    row_to_json(r)::text AS body,
    '' AS mark,
    nullif(concat_ws(', ',
        CASE WHEN r."ThoiDiemXuLy" = '' THEN 'ThoiDiemXuLy' END,
        CASE WHEN r."TrangThai" = '' THEN 'TrangThai' END
    ), '') AS missing
FROM unnest(%(keys)s::text[], %(versions)s::bigint[]) AS w (record_key, version)
JOIN core.tien_trinh s ON s._record_key = w.record_key AND s._version = w.version AND s._deleted_at IS NULL
CROSS JOIN LATERAL (
    SELECT
        coalesce(s.chuc_danh, '') AS "ChucDanh",
        s.ma_ho_so AS "MaHoSo",
        coalesce(to_char(s.ngay_bat_dau, 'YYYYMMDDHH24MISS'), '') AS "NgayBatDau",
        coalesce(to_char(s.ngay_ket_thuc_theo_quy_dinh, 'YYYYMMDDHH24MISS'), '') AS "NgayKetThucTheoQuyDinh",
        left(coalesce(nullif(s.nguoi_xu_ly, ''), 'Chuyên viên'), 50) AS "NguoiXuLy",
        coalesce(s.noi_dung_xu_ly, '') AS "NoiDungXuLy",
        coalesce(s.phong_ban_xu_ly, '') AS "PhongBanXuLy",
        coalesce(to_char(s.thoi_diem_xu_ly, 'YYYYMMDDHH24MISS'), '') AS "ThoiDiemXuLy",
        coalesce(s.trang_thai::text, '') AS "TrangThai"
) r
WHERE s._record_key = ANY(%(keys)s)
