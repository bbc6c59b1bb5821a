-- purpose: of each touched dossier, what its steps say: the end, the supplements, the office and the officer
-- reads:   touched, core.tien_trinh, marts.calendar
-- writes:  temporary table paths
-- run by:  indicators.refresh

CREATE TEMPORARY TABLE paths ON COMMIT DROP AS
WITH steps AS (
    SELECT ma_ho_so, s.thoi_diem_xu_ly AS at, s.trang_thai AS status, s.phong_ban_xu_ly, s.nguoi_xu_ly
    FROM core.tien_trinh s
    JOIN touched USING (ma_ho_so)
    WHERE s._deleted_at IS NULL
), named AS (
    SELECT ma_ho_so,
        max(at) FILTER (WHERE status = '9') AS finished, max(at) FILTER (WHERE status = '10') AS returned,
        max(at) FILTER (WHERE status IN ('3', '7', '8')) AS broken_off,
        bool_or(status IN ('2', '4', '5', '6', '9', '10')) AS accepted,
        count(*) FILTER (WHERE status = '5') AS supplements,
        max(at) FILTER (WHERE status = '5') AS asked, max(at) FILTER (WHERE status = '4') AS handed_in
    FROM steps
    GROUP BY 1
), ended AS (
    SELECT ma_ho_so, accepted, supplements,
        -- By priority, whatever came later: 9, 10, then stopped, refused, withdrawn if it had been accepted.
        coalesce(finished, returned, CASE WHEN accepted THEN broken_off END) AS closed_at,
        CASE WHEN coalesce(handed_in <= asked, asked IS NOT NULL) THEN asked END AS waits_since
    FROM named
), turns AS (
    -- Each delivery ends the requests before it: two requests in a row wait once, from the first.
    SELECT ma_ho_so, at, status, count(*) FILTER (WHERE status = '4') OVER (
        PARTITION BY ma_ho_so ORDER BY at, status ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    ) AS turn
    FROM steps
    JOIN ended USING (ma_ho_so)
    WHERE supplements > 0 AND status IN ('4', '5')
), waits AS (
    SELECT ma_ho_so, min(at) FILTER (WHERE status = '5') AS asked, max(at) FILTER (WHERE status = '4') AS delivered
    FROM turns
    GROUP BY ma_ho_so, turn
), waited AS (
    SELECT ma_ho_so, sum(w.delivered - w.asked) AS span,
        sum(marts.worked(d.works, d.rank, w.delivered, %(opens)s, %(lunch)s, %(back)s, %(closes)s)
            - marts.worked(a.works, a.rank, w.asked, %(opens)s, %(lunch)s, %(back)s, %(closes)s)) AS seconds
    FROM waits w
    JOIN ended e USING (ma_ho_so)
    JOIN marts.calendar a ON a.day = w.asked::date
    JOIN marts.calendar d ON d.day = w.delivered::date
    WHERE e.closed_at IS NULL OR w.delivered <= e.closed_at
    GROUP BY 1
), hands AS (
    SELECT DISTINCT ON (ma_ho_so) ma_ho_so, phong_ban_xu_ly, nguoi_xu_ly
    FROM steps
    ORDER BY ma_ho_so, CASE status WHEN '9' THEN 3 WHEN '10' THEN 2 WHEN '3' THEN 1 WHEN '7' THEN 1 WHEN '8' THEN 1
        ELSE 0 END DESC, at DESC, status
)
SELECT ma_ho_so, e.accepted, e.supplements::integer AS supplements, e.closed_at, e.waits_since,
    coalesce(w.span, '0') AS span, coalesce(w.seconds, 0)::bigint AS seconds, h.phong_ban_xu_ly AS office, h.nguoi_xu_ly
FROM ended e
JOIN hands h USING (ma_ho_so)
LEFT JOIN waited w USING (ma_ho_so)
