-- purpose: states of the synchronisation as NGSI-LD entities, one for each wanted version that core still holds
-- reads:   core.trang_thai_dich_vu
-- writes:  nothing
-- run by:  publishing, in the transaction that claims the records

-- Canonical JSON, as in monitoring_centre.don_vi.sql. Counts and dates only: no record is named.
SELECT
    c._record_key AS record_key,
    json_strip_nulls(
        CASE
            WHEN c._deleted_at IS NOT NULL THEN json_build_object('id', e.id)
            ELSE json_build_object(
                'dataset', json_build_object('type', 'Property', 'value', c.ma_tap_du_lieu),
                'heldRecords', CASE WHEN c.so_dang_giu IS NOT NULL THEN
                    json_build_object(
                        'observedAt', e.observed, 'type', 'Property', 'unitCode', 'C62', 'value', c.so_dang_giu
                    ) END,
                'id', e.id,
                'newestDay', CASE WHEN c.ngay_moi_nhat IS NOT NULL THEN
                    json_build_object('observedAt', e.observed, 'type', 'Property', 'value', c.ngay_moi_nhat) END,
                'refUnit', json_build_object('object', 'urn:ngsi-ld:Unit:' || c.ma_don_vi, 'type', 'Relationship'),
                'state', CASE WHEN c.trang_thai IS NOT NULL THEN
                    json_build_object('observedAt', e.observed, 'type', 'Property', 'value', e.state) END,
                'type', 'ServiceState',
                'unsentRecords', CASE WHEN c.so_chua_gui IS NOT NULL THEN
                    json_build_object(
                        'observedAt', e.observed, 'type', 'Property', 'unitCode', 'C62', 'value', c.so_chua_gui
                    ) END,
                'unsentSince', CASE WHEN c.chua_gui_tu IS NOT NULL THEN
                    json_build_object('observedAt', e.observed, 'type', 'Property', 'value', c.chua_gui_tu) END,
                'version', json_build_object('type', 'Property', 'value', c._version)
            )
        END
    )::text AS body,
    '' AS mark,
    '' AS missing
FROM unnest(%(keys)s::text[], %(versions)s::bigint[]) AS w (record_key, version)
JOIN core.trang_thai_dich_vu c ON c._record_key = w.record_key AND c._version = w.version
CROSS JOIN LATERAL (
    SELECT
        'urn:ngsi-ld:ServiceState:' || replace(c._record_key, '|', ':') AS id,
        to_char(c.quan_sat_luc AT TIME ZONE 'Asia/Ho_Chi_Minh' AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
            AS observed,
        CASE c.trang_thai
            WHEN 'dong_bo' THEN 'fresh' WHEN 'cham' THEN 'late' WHEN 'mat_ket_noi' THEN 'missing' ELSE c.trang_thai
        END AS state
) e
WHERE c._record_key = ANY(%(keys)s)
