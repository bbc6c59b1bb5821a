-- purpose: the dataset trang_thai_dich_vu: how every dataset stands at every unit that gives it, in counts and days
-- reads:   ops.runs, ops.batches, ops.watermarks, ops.problems, quarantine.rows, publish.outbox, core.ho_so,
--          core.tien_trinh, core.don_vi
-- writes:  marts.trang_thai_dich_vu
-- run by:  Warehouse.migrate, after the tables of the contracts

-- What is read from one system for the whole province stands under the code of the province. What is derived has no
-- state of its own. Of unsent records only those of windows before the dataset's newest count: what was promoted just
-- now is on its way. Late is what the watcher has noted, or what lacks more than the one day that contracts promise.
CREATE VIEW marts.trang_thai_dich_vu AS
WITH newest AS (
    SELECT dataset, max(window_start) AS window_start FROM ops.runs WHERE kind = 'read' GROUP BY dataset
), horizon AS (
    SELECT max(window_end) AS window_end FROM ops.runs WHERE kind = 'read' AND state = 'promoted'
), asked AS (
    SELECT DISTINCT r.dataset, b.source
    FROM newest n
    JOIN ops.runs r ON (r.dataset, r.window_start) = (n.dataset, n.window_start) AND r.kind = 'read'
    JOIN ops.batches b USING (run_id)
    WHERE b.source NOT IN ('(quarantine)', 'marts')
), trouble AS (
    SELECT dataset, source, bool_or(kind <> 'stale') AS cut_off
    FROM ops.problems
    WHERE closed_at IS NULL AND kind IN ('source_down', 'schema_drift', 'blocked', 'shrunk', 'stale')
    GROUP BY dataset, source
), held AS (
    SELECT dataset, source, count(*) AS rows FROM quarantine.rows WHERE state = 'open' GROUP BY dataset, source
), unsent AS (
    SELECT o.dataset, o.record_key, min(r.window_start) AS window_start
    FROM publish.outbox o
    JOIN ops.runs r USING (run_id)
    JOIN newest n ON n.dataset = o.dataset AND r.window_start < n.window_start
    WHERE o.state IN ('pending', 'claimed', 'in_doubt', 'dead')
    GROUP BY o.dataset, o.record_key
), waiting AS (
    SELECT u.dataset, coalesce(h._source, t._source) AS source, count(*) AS rows, min(u.window_start) AS since
    FROM unsent u
    LEFT JOIN core.ho_so h ON u.dataset = 'ho_so' AND h._record_key = u.record_key
    LEFT JOIN core.tien_trinh t ON u.dataset = 'tien_trinh' AND t._record_key = u.record_key
    GROUP BY 1, 2
), province AS (
    SELECT min(split_part(ma_don_vi, '.', 1)) AS agency FROM core.don_vi WHERE _deleted_at IS NULL
)
SELECT
    coalesce(v.ma_don_vi, p.agency) AS ma_don_vi,
    a.dataset AS ma_tap_du_lieu,
    CASE
        WHEN w.window_end IS NULL OR coalesce(x.cut_off, false) THEN 'mat_ket_noi'
        WHEN x.source IS NOT NULL OR w.window_end < z.window_end - interval '1 day' THEN 'cham'
        ELSE 'dong_bo'
    END AS trang_thai,
    ops.local(w.window_end - interval '1 second')::date AS ngay_moi_nhat,
    coalesce(h.rows, 0) AS so_dang_giu,
    coalesce(u.rows, 0) AS so_chua_gui,
    ops.local(u.since)::date AS chua_gui_tu,
    ops.local(z.window_end)::timestamp(0) AS quan_sat_luc
FROM asked a
CROSS JOIN horizon z
CROSS JOIN province p
LEFT JOIN core.don_vi v ON v.ma_don_vi = a.source AND v._deleted_at IS NULL
LEFT JOIN ops.watermarks w ON (w.dataset, w.source) = (a.dataset, a.source)
LEFT JOIN trouble x ON (x.dataset, x.source) = (a.dataset, a.source)
LEFT JOIN held h ON (h.dataset, h.source) = (a.dataset, a.source)
LEFT JOIN waiting u ON u.dataset = a.dataset AND (u.source = a.source OR (u.source IS NULL AND v.ma_don_vi IS NULL));
