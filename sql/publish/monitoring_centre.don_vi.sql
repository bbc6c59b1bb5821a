-- purpose: units as NGSI-LD entities, one for each wanted version that core still holds
-- reads:   core.don_vi
-- writes:  nothing
-- run by:  publishing, in the transaction that claims the records

-- Names stand in their order and absent attributes are left out, so that the text is the canonical JSON of the entity:
-- its SHA-256 in the receipt can be computed again from what the centre holds. Of a unit that is gone only the
-- identifier is told. docs/data-model.md says what each attribute means.
SELECT
    c._record_key AS record_key,
    json_strip_nulls(
        CASE
            WHEN c._deleted_at IS NOT NULL THEN json_build_object('id', e.id)
            ELSE json_build_object(
                'administrativeCode', CASE WHEN c.ma_xa IS NOT NULL THEN
                    json_build_object('type', 'Property', 'value', c.ma_xa) END,
                'category', CASE WHEN c.loai IS NOT NULL THEN
                    json_build_object('type', 'Property', 'value', c.loai) END,
                'id', e.id,
                'name', CASE WHEN c.ten_don_vi IS NOT NULL THEN
                    json_build_object('type', 'Property', 'value', c.ten_don_vi) END,
                'type', 'Unit',
                'unit', json_build_object('type', 'Property', 'value', c.ma_don_vi),
                'validFrom', CASE WHEN c.hieu_luc_tu IS NOT NULL THEN
                    json_build_object('type', 'Property', 'value', c.hieu_luc_tu) END,
                'validUntil', CASE WHEN c.hieu_luc_den IS NOT NULL THEN
                    json_build_object('type', 'Property', 'value', c.hieu_luc_den) END,
                'version', json_build_object('type', 'Property', 'value', c._version)
            )
        END
    )::text AS body,
    '' AS mark,
    '' AS missing
FROM unnest(%(keys)s::text[], %(versions)s::bigint[]) AS w (record_key, version)
JOIN core.don_vi c ON c._record_key = w.record_key AND c._version = w.version
CROSS JOIN LATERAL (SELECT 'urn:ngsi-ld:Unit:' || replace(c._record_key, '|', ':') AS id) e
WHERE c._record_key = ANY(%(keys)s)
