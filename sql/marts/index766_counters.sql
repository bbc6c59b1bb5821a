-- purpose: the counters of the index for one period: every unit, its sums, and the province
-- reads:   marts.units, marts.dossiers(_history), publish.receipts, core.ho_so, core.thu_tuc,
--          core.phan_anh_hien_truong
-- writes:  nothing
-- run by:  indicators.index766.warehouse

WITH facts AS MATERIALIZED ({facts}),
heard AS MATERIALIZED (
    -- A semi-join: few facts are looked up one by one, many are met by one walk along receipts_by_record.
    SELECT ma_ho_so FROM facts
    WHERE EXISTS (
        SELECT FROM publish.receipts r
        WHERE r.endpoint = %(endpoint)s AND r.dataset = 'ho_so' AND r.outcome = 'accepted'
          AND r.record_key = facts.ma_ho_so
    )
), seen AS (
    SELECT f.*, h.ma_ho_so IS NOT NULL AS sync_dossiers,
        h.ma_ho_so IS NOT NULL OR NOT %(synchronised)s AS counts
    FROM facts f
    LEFT JOIN heard h USING (ma_ho_so)
), per AS (
    -- A procedure counts once however many units have it, so it stays apart until the sums are made.
    SELECT ma_don_vi, level_sum, ma_tthc,
        count(*) FILTER (WHERE counts) AS received,
        count(*) FILTER (WHERE counts AND on_time) AS on_time,
        count(*) FILTER (WHERE counts AND results_due) AS results_due,
        count(*) FILTER (WHERE counts AND e_results) AS e_results,
        count(*) FILTER (WHERE counts AND digitised) AS digitised,
        count(*) FILTER (WHERE counts AND reused) AS reused,
        count(*) FILTER (WHERE counts AND synced_personal) AS synced_personal,
        count(*) FILTER (WHERE counts AND citizen_data) AS citizen_data,
        bool_or(counts AND fee_procedure) AS fee,
        bool_or(counts AND fee_told) AS fee_told,
        count(*) FILTER (WHERE counts AND with_fee) AS with_fee,
        count(*) FILTER (WHERE counts AND paid_online) AS paid_online,
        count(*) FILTER (WHERE counts AND online_dossiers) AS online_dossiers,
        count(*) FILTER (WHERE counts AND satisfied) AS satisfied,
        count(*) FILTER (WHERE sync_dossiers) AS sync_dossiers,
        count(*) AS sync_dossiers_of,
        sum(working_minutes) FILTER (WHERE counts AND ended_at IS NOT NULL) AS minutes,
        count(working_minutes) FILTER (WHERE counts AND ended_at IS NOT NULL) AS timed
    FROM seen
    GROUP BY 1, 2, 3
), levels AS (
    SELECT u.unit, p.*
    FROM per p
    CROSS JOIN LATERAL (SELECT DISTINCT unnest(ARRAY[p.ma_don_vi, p.level_sum, %(agency)s])) u (unit)
), sums AS (
    SELECT unit,
        sum(received)::bigint AS received, sum(on_time)::bigint AS on_time, sum(results_due)::bigint AS results_due,
        sum(e_results)::bigint AS e_results, sum(digitised)::bigint AS digitised, sum(reused)::bigint AS reused,
        sum(synced_personal)::bigint AS synced_personal, sum(citizen_data)::bigint AS citizen_data,
        sum(with_fee)::bigint AS with_fee,
        sum(paid_online)::bigint AS paid_online, sum(online_dossiers)::bigint AS online_dossiers,
        sum(received)::bigint AS online_dossiers_of,
        sum(satisfied)::bigint AS satisfied, sum(received)::bigint AS satisfied_of,
        sum(sync_dossiers)::bigint AS sync_dossiers,
        sum(sync_dossiers_of)::bigint AS sync_dossiers_of,
        count(DISTINCT ma_tthc) FILTER (WHERE citizen_data > 0) AS citizen_formality,
        count(DISTINCT ma_tthc) FILTER (WHERE paid_online > 0) AS online_payment_formality,
        count(DISTINCT ma_tthc) FILTER (WHERE fee_told) AS online_fee_formality,
        count(DISTINCT ma_tthc) FILTER (WHERE fee) AS online_payment_formality_of,
        -- 480 working minutes are a day.
        round(sum(minutes) / nullif(sum(timed), 0) / 480, 2) AS mean_days
    FROM levels
    GROUP BY unit
), reports AS (
    SELECT u.unit, count(*) AS reports, count(*) FILTER (WHERE r.on_time) AS reports_on_time,
        count(*) FILTER (WHERE r.on_time AND NOT r.disliked) AS reports_handled
    FROM (
        SELECT ma_co_quan_xu_ly,
            CASE WHEN thoi_diem_hoan_thanh IS NOT NULL THEN thoi_diem_hoan_thanh <= han_xu_ly
                ELSE han_xu_ly >= %(end)s::date END AS on_time,
            coalesce(muc_do_hai_long::text = '1', false) AS disliked
        FROM core.phan_anh_hien_truong
        WHERE _deleted_at IS NULL AND thoi_diem_gui >= %(first)s AND thoi_diem_gui < least(%(next)s, %(end)s)
    ) r
    JOIN marts.units m ON m.unit = r.ma_co_quan_xu_ly
    CROSS JOIN LATERAL (SELECT DISTINCT unnest(ARRAY[m.unit, m.sum, %(agency)s])) u (unit)
    GROUP BY u.unit
)
SELECT m.unit, m.name, m.level,
    coalesce(s.received, 0) AS received, coalesce(s.on_time, 0) AS on_time, s.mean_days,
    coalesce(s.results_due, 0) AS results_due, coalesce(s.e_results, 0) AS e_results,
    coalesce(s.digitised, 0) AS digitised, coalesce(s.reused, 0) AS reused,
    coalesce(s.synced_personal, 0) AS synced_personal, coalesce(s.citizen_data, 0) AS citizen_data,
    coalesce(s.with_fee, 0) AS with_fee, coalesce(s.paid_online, 0) AS paid_online,
    coalesce(s.online_dossiers, 0) AS online_dossiers, coalesce(s.online_dossiers_of, 0) AS online_dossiers_of,
    coalesce(s.satisfied, 0) AS satisfied, coalesce(s.satisfied_of, 0) AS satisfied_of,
    coalesce(s.sync_dossiers, 0) AS sync_dossiers, coalesce(s.sync_dossiers_of, 0) AS sync_dossiers_of,
    coalesce(s.citizen_formality, 0) AS citizen_formality,
    coalesce(s.online_payment_formality, 0) AS online_payment_formality,
    coalesce(s.online_payment_formality_of, 0) AS online_payment_formality_of,
    coalesce(s.online_fee_formality, 0) AS online_fee_formality,
    coalesce(s.online_payment_formality_of, 0) AS online_fee_formality_of,
    coalesce(r.reports, 0) AS reports, coalesce(r.reports_on_time, 0) AS reports_on_time,
    coalesce(r.reports_handled, 0) AS reports_handled
FROM marts.units m
LEFT JOIN sums s ON s.unit = m.unit
LEFT JOIN reports r ON r.unit = m.unit
WHERE (%(units)s::text[] = '{{}}' OR m.unit = ANY(%(units)s))
  AND (s.unit IS NOT NULL
       OR coalesce(m.valid_from, '-infinity') < %(next)s AND coalesce(m.valid_to, 'infinity') >= %(first)s)
ORDER BY CASE m.level WHEN 'province' THEN 0 WHEN 'departments' THEN 1 WHEN 'communes' THEN 2 ELSE 3 END, m.unit
