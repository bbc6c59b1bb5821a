-- purpose: the bodies of dossiers for DongBoHoSoMC, exactly one for each wanted version that core still holds
-- reads:   core.ho_so, core.thu_tuc, core.don_vi
-- writes:  nothing
-- run by:  publishing, in the transaction that claims the records

-- Fields stand in the order of their names, so that the text is the canonical JSON of the record: its SHA-256 in
-- the receipt can be computed again from what the portal holds. An absent value is the empty text. Nothing is
-- invented where a source says nothing: no dummy abstract, identity, result or consulted database.
SELECT
    h._record_key AS record_key,
    row_to_json(r)::text AS body,
    concat_ws('|', r."MaTTHC", r."TrangThaiHoSo", r."NgayTiepNhan", r."NgayHenTra") AS mark,
    nullif(concat_ws(', ',
        CASE WHEN r."MaTTHC" = '' THEN 'MaTTHC' END,
        CASE WHEN r."TenTTHC" = '' THEN 'TenTTHC' END,
        CASE WHEN r."MaLinhVuc" = '' THEN 'MaLinhVuc' END,
        CASE WHEN r."LoaiDoiTuong" = '' THEN 'LoaiDoiTuong' END,
        CASE WHEN r."NgayTiepNhan" = '' THEN 'NgayTiepNhan' END,
        CASE WHEN r."TrangThaiHoSo" = '' THEN 'TrangThaiHoSo' END,
        CASE WHEN r."HinhThuc" = '' THEN 'HinhThuc' END,
        CASE WHEN r."DonViXuLy" = '' THEN 'DonViXuLy' END,
        CASE WHEN r."NoiNopHoSo" = '' THEN 'NoiNopHoSo' END,
        CASE WHEN r."HoSoCoThanhPhanSoHoa" = '' THEN 'HoSoCoThanhPhanSoHoa' END,
        CASE WHEN r."TaiKhoanDuocXacThucVoiVNeID" = '' THEN 'TaiKhoanDuocXacThucVoiVNeID' END,
        CASE WHEN r."DuocThanhToanTrucTuyen" = '' THEN 'DuocThanhToanTrucTuyen' END
    ), '') AS missing
FROM unnest(%(keys)s::text[], %(versions)s::bigint[]) AS w (record_key, version)
JOIN core.ho_so h ON h._record_key = w.record_key AND h._version = w.version AND h._deleted_at IS NULL
LEFT JOIN core.thu_tuc t ON t._record_key = h.ma_tthc
LEFT JOIN core.don_vi d ON d._record_key = h.ma_don_vi
CROSS JOIN LATERAL (
    SELECT
        coalesce(h.chu_ho_so, '') AS "ChuHoSo",
        '[]'::json AS "DSKetNoiCSDL",
        CASE
            WHEN h.ma_giay_to_ket_qua IS NULL AND h.duong_dan_ket_qua IS NULL THEN '[]'::json
            ELSE (
                SELECT json_build_array(row_to_json(k))
                FROM (
                    SELECT
                        coalesce(h.duong_dan_ket_qua, '') AS "DuongDanTepTinKetQua",
                        '' AS "GiayToId",
                        coalesce(h.ma_giay_to_ket_qua, '') AS "MaGiayToKetQua",
                        '' AS "MaThanhPhanHoSo",
                        '' AS "TenGiayTo"
                ) k
            )
        END AS "DanhSachGiayToKetQua",
        '[]'::json AS "DanhSachHoSoBoSung",
        -- A fee of 0 is said: it takes the dossier out of the denominator of index 3.6. The code lists of mapi are
        -- not published; '1' is what other provinces send.
        CASE
            WHEN h.muc_phi IS NULL THEN '[]'::json
            ELSE (
                SELECT json_build_array(row_to_json(p))
                FROM (
                    SELECT
                        h.muc_phi::text AS "Gia",
                        '1' AS "HinhThucThu",
                        '1' AS "LoaiPhiLePhi",
                        '1' AS "MaPhiLePhi",
                        'Phí, lệ phí' AS "TenPhiLePhi"
                ) p
            )
        END AS "DanhSachLePhi",
        '[]'::json AS "DanhSachTepDinhKemKhac",
        CASE
            WHEN h.so_dinh_danh IS NULL OR h.loai_dinh_danh IS NULL THEN '[]'::json
            ELSE (
                SELECT json_build_array(row_to_json(i))
                FROM (SELECT h.loai_dinh_danh::text AS "LoaiDinhDanh", h.so_dinh_danh AS "SoDinhDanh") i
            )
        END AS "DinhDanhCHS",
        coalesce(d.ten_don_vi, h.don_vi_xu_ly, '') AS "DonViXuLy",
        coalesce(h.thanh_toan_truc_tuyen::text, '') AS "DuocThanhToanTrucTuyen",
        coalesce(h.email, '') AS "Email",
        '' AS "Fax",
        left(coalesce(h.ghi_chu, ''), 2000) AS "GhiChu",
        coalesce(h.hinh_thuc_tra::text, '') AS "HinhThuc",
        coalesce(h.co_so_hoa::text, '') AS "HoSoCoThanhPhanSoHoa",
        coalesce(h.kenh_thuc_hien::text, '') AS "KenhThucHien",
        coalesce(h.loai_doi_tuong::text, '') AS "LoaiDoiTuong",
        '' AS "MaDoiTuong",
        h.ma_ho_so AS "MaHoSo",
        coalesce(t.ma_linh_vuc, '') AS "MaLinhVuc",
        coalesce(h.ma_tthc, '') AS "MaTTHC",
        coalesce(to_char(h.ngay_hen_tra, 'YYYYMMDDHH24MISS'), '') AS "NgayHenTra",
        coalesce(to_char(h.ngay_ket_thuc_xu_ly, 'YYYYMMDDHH24MISS'), '') AS "NgayKetThucXuLy",
        coalesce(to_char(h.ngay_nop, 'YYYYMMDDHH24MISS'), '') AS "NgayNopHoSo",
        coalesce(to_char(h.ngay_tiep_nhan, 'YYYYMMDDHH24MISS'), '') AS "NgayTiepNhan",
        coalesce(to_char(h.ngay_tra, 'YYYYMMDDHH24MISS'), '') AS "NgayTra",
        coalesce(to_char(h.ngay_tu_choi, 'YYYYMMDDHH24MISS'), '') AS "NgayTuChoi",
        coalesce(h.noi_nop::text, '') AS "NoiNopHoSo",
        '' AS "SoBienNhan",
        coalesce(h.so_dien_thoai, '') AS "SoDienThoai",
        coalesce(h.so_dinh_danh, h.ma_so_thue, '') AS "SoGiayToChuHoSo",
        coalesce(h.xac_thuc_vneid::text, '') AS "TaiKhoanDuocXacThucVoiVNeID",
        -- Sources tell of the papers of a dossier as one; without a flag there is nothing to tell. Reuse of a
        -- result (2) counts only with the code of that result, which sources do not give.
        CASE
            WHEN '1' IN (h.co_so_hoa::text, h.giay_to_tai_su_dung::text, h.lay_tu_kho_dmqg::text) THEN (
                SELECT json_build_array(row_to_json(g))
                FROM (
                    SELECT
                        CASE WHEN h.lay_tu_kho_dmqg::text = '1' THEN '1' ELSE '0' END AS "DuocLayTuKhoDMQG",
                        CASE WHEN h.co_so_hoa::text = '1' THEN '1' ELSE '0' END AS "DuocSoHoa",
                        CASE WHEN h.giay_to_tai_su_dung::text = '1' THEN '1' ELSE '0' END AS "DuocTaiSuDung",
                        '' AS "DuongDanTaiTepTin",
                        'False' AS "IsDeleted",
                        '' AS "MaKetQuaThayThe",
                        '' AS "MaThanhPhanHoSo",
                        '' AS "TenTepDinhKem",
                        '' AS "TepDinhKemId"
                ) g
            )
            ELSE '[]'::json
        END AS "TaiLieuNop",
        coalesce(t.ten_linh_vuc, '') AS "TenLinhVuc",
        coalesce(t.ten_tthc, '') AS "TenTTHC",
        '' AS "ThongTinKhac",
        '' AS "ThongTinTra",
        coalesce(h.trang_thai::text, '') AS "TrangThaiHoSo",
        left(coalesce(h.trich_yeu, ''), 1000) AS "TrichYeuHoSo"
) r
WHERE h._record_key = ANY(%(keys)s)
