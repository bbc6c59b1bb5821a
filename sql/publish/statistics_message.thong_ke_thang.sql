-- purpose: monthly statistics messages of the OpenCPS type, one for each wanted version that core still holds
-- reads:   core.thong_ke_thang
-- writes:  nothing
-- run by:  publishing, in the transaction that claims the records

-- The fields are those of the message and no other; PreExtisting is spelt as it is on the wire. A percentage is cut to
-- a whole number, or rounded half up where the connection says so; nothing released counts as 100. Names stand in
-- their order, so that the text is the canonical JSON of the message and its SHA-256 in the receipt can be computed
-- again from what the receiver holds.
SELECT
    c._record_key AS record_key,
    json_strip_nulls(json_build_object(
        'IsMonthStatistic', true,
        'Month', extract(month FROM c.thang)::integer,
        'NewReception', c.moi_tiep_nhan,
        'Pending', c.trong_han,
        'PendingLate', c.tre_han,
        'PreExtisting', c.ton_truoc,
        'SolvedInTime', c.dung_han,
        'SolvedInTimePercent', p.in_time,
        'SolvedLate', c.qua_han,
        'SolvedLatePercent', 100 - p.in_time,
        'Total', c.tong,
        'TotalPending', c.dang_giai_quyet,
        'TotalSolved', c.da_giai_quyet,
        'Year', extract(year FROM c.thang)::integer
    ))::text AS body,
    '' AS mark,
    '' AS missing
FROM unnest(%(keys)s::text[], %(versions)s::bigint[]) AS w (record_key, version)
JOIN core.thong_ke_thang c
    ON c._record_key = w.record_key AND c._version = w.version AND c._deleted_at IS NULL
CROSS JOIN LATERAL (
    SELECT CASE
        WHEN c.da_giai_quyet = 0 THEN 100
        WHEN %(percent)s = 'round' THEN (200 * c.dung_han + c.da_giai_quyet) / (2 * c.da_giai_quyet)
        ELSE 100 * c.dung_han / c.da_giai_quyet
    END AS in_time
) p
WHERE c._record_key = ANY(%(keys)s)
