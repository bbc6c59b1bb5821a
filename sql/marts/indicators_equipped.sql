-- purpose: bring what the service points had up to core, and tell from which day on it differs
-- reads:   core.diem_phuc_vu, history.diem_phuc_vu, marts.equipment
-- writes:  marts.equipment, equipped
-- run by:  indicators.refresh, where the dataset exists

-- A version holds from when its row was last changed at its source. Not from the source time: the dataset has no cursor,
-- so each day's file moves that forward without a change of content. What a window no longer has is gone on its day.
WITH versions AS (
    SELECT ma_don_vi AS unit, _version, _loaded_at, _deleted_at IS NULL AS there,
        CASE WHEN _deleted_at IS NOT NULL THEN _source_time - interval '1 second'
            ELSE coalesce(cap_nhat_luc, '-infinity') END AS since,
        so_quay::numeric AS counters, so_may_tinh::numeric AS computers, so_can_bo::numeric AS staff,
        so_may_quet::numeric AS scanners, mang_chuyen_dung = '1' AS network, bang_thong_mbps::numeric AS bandwidth
    FROM (
        SELECT ma_don_vi, _version, _loaded_at, _deleted_at, _source_time, cap_nhat_luc, so_quay, so_may_tinh, so_can_bo,
            so_may_quet, mang_chuyen_dung, bang_thong_mbps
        FROM core.diem_phuc_vu
        UNION ALL
        SELECT ma_don_vi, _version, _loaded_at, _deleted_at, _source_time, cap_nhat_luc, so_quay, so_may_tinh, so_can_bo,
            so_may_quet, mang_chuyen_dung, bang_thong_mbps
        FROM history.diem_phuc_vu
    ) v
), said AS (
    -- A later version that holds from the same time or an earlier one has taken its place.
    SELECT unit, since, there, counters, computers, staff, scanners, network, bandwidth
    FROM (
        SELECT *, min(since) OVER (
            PARTITION BY unit ORDER BY _version DESC, _loaded_at DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS replaced
        FROM versions
    ) v
    WHERE replaced IS NULL OR since < replaced
), fresh AS (
    SELECT * FROM said EXCEPT SELECT * FROM marts.equipment
), stale AS (
    SELECT * FROM marts.equipment EXCEPT SELECT * FROM said
), gone AS (
    DELETE FROM marts.equipment e
    USING stale s
    WHERE (e.unit, e.since) = (s.unit, s.since) AND NOT EXISTS (
        SELECT FROM fresh f WHERE (f.unit, f.since) = (s.unit, s.since)
    )
), put AS (
    INSERT INTO marts.equipment SELECT * FROM fresh
    ON CONFLICT (unit, since) DO UPDATE SET there = excluded.there, counters = excluded.counters,
        computers = excluded.computers, staff = excluded.staff, scanners = excluded.scanners,
        network = excluded.network, bandwidth = excluded.bandwidth
)
INSERT INTO equipped (unit, day)
SELECT unit, min(since)::date
FROM (SELECT unit, since FROM fresh UNION ALL SELECT unit, since FROM stale) moved
GROUP BY unit
