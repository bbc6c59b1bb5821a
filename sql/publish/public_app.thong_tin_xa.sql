-- purpose: the public document of each commune, one for each wanted version that core still holds
-- reads:   core.thong_tin_xa
-- writes:  nothing
-- run by:  publishing, in the transaction that claims the records

-- Canonical JSON, as in public_app.sql: names in their order at every depth. The two lists are JSON already in core,
-- written so by marts.thong_tin_xa. What is not known is null, and the app says so.
SELECT
    c._record_key AS record_key,
    CASE WHEN c._deleted_at IS NULL THEN row_to_json(r)::text ELSE '{{}}' END AS body,
    '' AS mark,
    '' AS missing
FROM unnest(%(keys)s::text[], %(versions)s::bigint[]) AS w (record_key, version)
JOIN core.thong_tin_xa c ON c._record_key = w.record_key AND c._version = w.version
CROSS JOIN LATERAL (
    SELECT
        c.chi_so::json AS chi_so,
        to_char(c.thang, 'YYYY-MM') AS chi_so_cua_thang,
        c.dien_thoai,
        row_to_json(g) AS gio_phuc_vu,
        c.ma_don_vi,
        c.ma_xa,
        c.phien_ban_cau_truc,
        c.so_lieu_den_ngay,
        c.so_quay,
        c.ten_xa,
        c.thu_tuc::json AS thu_tuc_cap_xa,
        c.tru_so
    FROM (SELECT c.gio_chieu AS chieu, c.gio_sang AS sang, c.lam_thu_bay = '1' AS thu_bay) g
) r
WHERE c._record_key = ANY(%(keys)s)
