-- purpose: the facts of each touched dossier that is live, by both definitions of "on time"
-- reads:   touched, paths, core.ho_so, core.thu_tuc, marts.calendar, marts.units, keys.officer
-- writes:  temporary table facts
-- run by:  indicators.refresh

CREATE TEMPORARY TABLE facts ON COMMIT DROP AS
WITH begun AS (
    SELECT h.*, c.works, c.rank, marts.worked(c.works, c.rank, h.ngay_tiep_nhan, %(opens)s, %(lunch)s, %(back)s, %(closes)s)
        AS start_seconds,
        CASE WHEN c.works AND h.ngay_tiep_nhan::time > make_time(0, 0, 0) + %(closes)s * interval '1 second'
            THEN n.opens_on ELSE c.opens_on END AS start_day
    FROM core.ho_so h
    JOIN touched USING (ma_ho_so)
    LEFT JOIN marts.calendar c ON c.day = h.ngay_tiep_nhan::date
    LEFT JOIN marts.calendar n ON n.day = h.ngay_tiep_nhan::date + 1
    WHERE h._deleted_at IS NULL AND h.ngay_tiep_nhan IS NOT NULL
), terms AS (
    SELECT ma_tthc, ma_ket_qua, thoi_gian_giai_quyet AS amount, lower(btrim(don_vi_tinh)) AS unit_of_time
    FROM core.thu_tuc
), limited AS (
    SELECT b.*, t.ma_ket_qua, (CASE
        WHEN t.amount = 0 THEN 480
        WHEN t.unit_of_time = 'ngày làm việc' THEN t.amount * 480
        WHEN t.unit_of_time IN ('giờ', 'giờ làm việc') THEN t.amount * 60
        -- Days of the calendar: the working time until the working day on which, or after which, they end.
        WHEN t.unit_of_time = 'ngày' THEN (e.rank - s.rank) * %(length)s / 60
    END)::integer AS limit_minutes
    FROM begun b
    LEFT JOIN terms t USING (ma_tthc)
    LEFT JOIN marts.calendar s ON s.day = b.start_day
    LEFT JOIN marts.calendar e
        ON e.day = b.start_day + CASE WHEN t.amount BETWEEN 0 AND 3650 THEN ceil(t.amount)::integer END
), ended AS (
    SELECT l.*, coalesce(p.accepted, false) AS accepted, p.closed_at, p.waits_since, coalesce(p.span, '0') AS span,
        coalesce(p.seconds, 0) AS waited, coalesce(p.supplements, 0) AS supplements, p.office, p.nguoi_xu_ly,
        coalesce(p.closed_at, p.waits_since) AS ended_at,
        l.start_seconds + l.limit_minutes * 60::bigint + coalesce(p.seconds, 0) AS bound
    FROM limited l
    LEFT JOIN paths p USING (ma_ho_so)
), judged AS (
    SELECT e.*, CASE
        WHEN e.ngay_hen_tra IS NOT NULL THEN e.ngay_hen_tra + e.span
        -- The last moment before which no more than the limit was worked: at its end, the next opening.
        ELSE k.day + (%(opens)s + e.bound %% %(length)s + CASE WHEN e.bound %% %(length)s >= %(lunch)s - %(opens)s
            THEN %(back)s - %(lunch)s ELSE 0 END) * interval '1 second'
    END AS open_until,
    marts.worked(f.works, f.rank, e.closed_at, %(opens)s, %(lunch)s, %(back)s, %(closes)s) AS end_seconds
    FROM ended e
    LEFT JOIN marts.calendar k ON k.works AND k.rank = e.bound / %(length)s
    LEFT JOIN marts.calendar f ON f.day = e.closed_at::date
), named AS MATERIALIZED (
    -- Of an ended and a living commune of one name, the living one.
    SELECT DISTINCT ON (name_key) unit, name_key
    FROM (SELECT unit, valid_to, ops.name_key(name) AS name_key FROM marts.units WHERE level = 'commune') u
    ORDER BY name_key, coalesce(valid_to, 'infinity') DESC, unit DESC
), homes AS MATERIALIZED (
    SELECT p.place, n.unit
    FROM (SELECT DISTINCT place FROM judged j CROSS JOIN LATERAL {place} a (place)) p
    JOIN named n ON n.name_key = ops.name_key(p.place)
)
SELECT j.ma_ho_so, j.ma_don_vi,
    -- Of a unit that the catalogue never had nobody knows the level: it counts for the province alone.
    coalesce(u.sum, %(agency)s) AS level_sum,
    j.ma_tthc, j.trang_thai, j.ngay_tiep_nhan::timestamp AS received_at, j.ngay_tiep_nhan::date AS received_on,
    j.ngay_hen_tra::timestamp AS due_at,
    j.trang_thai <> '1' AND (j.trang_thai <> '3' OR j.accepted) AS counted,
    j.ended_at::timestamp AS ended_at,
    CASE WHEN j.ended_at IS NULL THEN 'open'
        WHEN j.closed_at IS NULL AND j.supplements > 1 THEN 'late'
        WHEN coalesce(j.ended_at <= j.open_until, true) THEN 'on_time' ELSE 'late' END AS national,
    j.open_until::timestamp AS open_until, j.ngay_ket_thuc_xu_ly::date AS local_end,
    CASE WHEN j.trang_thai IN ('1', '3') THEN 'outside'
        WHEN j.trang_thai IN ('5', '6', '8') THEN 'in_time'
        WHEN j.trang_thai = '7' THEN CASE WHEN j.ngay_ket_thuc_xu_ly IS NULL THEN 'in_time' ELSE 'on_time' END
        WHEN j.ngay_ket_thuc_xu_ly IS NULL THEN 'open'
        WHEN j.ngay_hen_tra IS NULL THEN 'on_time'
        WHEN j.ngay_ket_thuc_xu_ly::date < j.ngay_hen_tra::date THEN 'early'
        WHEN j.ngay_ket_thuc_xu_ly::date > j.ngay_hen_tra::date THEN 'late' ELSE 'on_time' END AS local_class,
    j.kenh_thuc_hien::smallint AS channel, coalesce(j.kenh_thuc_hien = '2', false) AS online,
    coalesce(j.kenh_thuc_hien = '2', false) AND r.e_result AND (NOT r.has_fee OR r.paid_online) AS full_process,
    j.trang_thai IN ('9', '10') AND j.ma_ket_qua IS NOT NULL AS result_due, r.e_result,
    coalesce(j.co_so_hoa = '1', false) AS digitised, coalesce(j.giay_to_tai_su_dung IN ('1', '2'), false) AS reused,
    coalesce(j.lay_tu_kho_dmqg = '1', false) AS from_store, coalesce(j.xac_thuc_vneid = '1', false) AS vneid,
    r.has_fee, r.paid_online, coalesce(j.muc_phi, 0) AS fee, j.supplements,
    (j.waited / 60)::integer AS supplement_minutes,
    CASE WHEN j.end_seconds IS NOT NULL THEN (greatest(j.end_seconds - j.start_seconds - j.waited, 0) / 60)::integer END
        AS working_minutes, j.limit_minutes,
    CASE WHEN u.level = 'commune' THEN o.unit <> j.ma_don_vi END AS outside_commune,
    j.office,
    -- Two officers of one name in one unit are one here; what one did in two months cannot be put together.
    CASE WHEN j.nguoi_xu_ly IS NOT NULL THEN left(encode(sha256((SELECT key FROM keys.officer) || convert_to(concat_ws(
        '|', j.ma_don_vi, to_char(j.ngay_ket_thuc_xu_ly, 'YYYY-MM'), j.nguoi_xu_ly), 'UTF8')), 'hex'), 16)
        END AS officer
FROM judged j
CROSS JOIN LATERAL {place} a (place)
CROSS JOIN LATERAL (
    SELECT j.ma_giay_to_ket_qua IS NOT NULL AND j.duong_dan_ket_qua IS NOT NULL AS e_result,
        coalesce(j.muc_phi, 0) > 0 AS has_fee, coalesce(j.thanh_toan_truc_tuyen IN ('1', '2'), false) AS paid_online
) r
LEFT JOIN marts.units u ON u.unit = j.ma_don_vi
LEFT JOIN homes o ON o.place = a.place
