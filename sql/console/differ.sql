-- purpose: a part of other statements: dossiers of a period as each of the two definitions of on time counts them
-- reads:   marts.dossiers
-- writes:  nothing
-- run by:  console.indicators.difference

-- nationally, locally: 'on_time', 'late', or null where the dossier is not in that definition's denominator. What is
-- open is judged at the end of the day before "stands". Reasons of one dossier have the names of
-- sql/marts/dossiers_behind.sql; the others say why it is in one denominator only.
SELECT d.ma_ho_so, d.ma_don_vi, d.ma_tthc, d.received_at, d.due_at, d.ended_at, d.national, d.local_end,
    d.local_class, d.office, c.nationally, c.locally,
    CASE
        WHEN c.nationally = c.locally THEN 'same'
        WHEN c.locally IS NULL AND d.local_end > %(last)s THEN 'ended_later'
        WHEN c.locally IS NULL AND d.trang_thai IN ('5', '6', '8') THEN 'stopped'
        WHEN c.locally IS NULL AND d.national = 'open' THEN 'open'
        WHEN c.locally IS NULL THEN 'no_end_date'
        WHEN c.nationally IS NULL THEN 'received_before'
        WHEN d.trang_thai = '7' THEN 'withdrawn'
        WHEN d.due_at IS NULL THEN 'no_due_date'
        WHEN d.national = 'open' THEN 'no_closing_step'
        WHEN d.ended_at::date <> d.local_end THEN 'two_ends'
        WHEN c.nationally = 'on_time' AND d.supplements > 0 THEN 'waiting_taken_off'
        WHEN c.locally = 'on_time' THEN 'time_of_day'
        ELSE 'other'
    END AS reason
FROM marts.dossiers d
CROSS JOIN LATERAL (
    SELECT
        CASE
            WHEN NOT d.counted OR d.received_on NOT BETWEEN %(first)s AND %(last)s THEN NULL
            WHEN d.national = 'on_time' THEN 'on_time'
            WHEN d.national = 'open' AND coalesce(d.open_until >= %(stands)s, true) THEN 'on_time'
            ELSE 'late'
        END AS nationally,
        CASE
            WHEN d.local_end NOT BETWEEN %(first)s AND %(last)s THEN NULL
            WHEN d.local_class IN ('early', 'on_time') THEN 'on_time'
            WHEN d.local_class = 'late' THEN 'late'
        END AS locally
) c
WHERE d.ma_don_vi = ANY(%(units)s)
  AND (d.received_on BETWEEN %(first)s AND %(last)s OR d.local_end BETWEEN %(first)s AND %(last)s)
  AND (c.nationally IS NOT NULL OR c.locally IS NOT NULL)
