-- purpose: a page of the dossiers behind a figure: codes and times, what both definitions say, and why they differ
-- reads:   marts.dossiers, marts.dossiers_history, marts.periods, marts.units
-- writes:  nothing
-- run by:  indicators.reading.behind, indicators.reading.definitions_differ

WITH p AS (
    SELECT * FROM marts.periods WHERE kind = %(kind)s AND start = %(start)s
), said AS (
    SELECT {columns}, known_from, NULL::timestamptz AS known_to
    FROM marts.dossiers
    UNION ALL
    SELECT {columns}, known_from, known_to
    FROM marts.dossiers_history
    WHERE %(as_of)s::timestamptz IS NOT NULL
), known AS (
    SELECT s.*
    FROM said s
    WHERE (%(as_of)s::timestamptz IS NULL OR known_from <= %(as_of)s AND (known_to IS NULL OR %(as_of)s < known_to))
      AND (s.ma_don_vi = %(unit)s OR s.level_sum = %(unit)s
           OR EXISTS (SELECT FROM marts.units u WHERE u.unit = %(unit)s AND u.level = 'province'))
), counted AS (
    SELECT f.*, p.stands,
        CASE WHEN f.national = 'open' THEN coalesce(f.open_until >= p.stands + 1, true) ELSE f.national = 'on_time' END
            AS in_time_national,
        CASE f.local_class
            WHEN 'outside' THEN NULL WHEN 'late' THEN false WHEN 'open' THEN coalesce(f.due_at::date >= p.stands, true)
            ELSE true END AS in_time_local
    FROM known f
    CROSS JOIN p
    WHERE {test}
), f AS (
    SELECT c.*, CASE
        WHEN in_time_local IS NOT DISTINCT FROM in_time_national THEN NULL
        WHEN in_time_local IS NULL THEN 'refused'
        WHEN trang_thai = '7' THEN 'withdrawn'
        WHEN trang_thai = '5' THEN 'supplement'
        WHEN trang_thai IN ('6', '8') THEN 'stopped'
        WHEN due_at IS NULL THEN 'no_due_date'
        WHEN national = 'open' AND local_class <> 'open' THEN 'no_closing_step'
        WHEN national <> 'open' AND local_class = 'open' THEN 'no_end_date'
        WHEN ended_at::date <> local_end THEN 'two_ends'
        WHEN in_time_national AND supplements > 0 THEN 'waiting_taken_off'
        WHEN in_time_local THEN 'time_of_day'
        ELSE 'other'
    END AS reason
    FROM counted c
)
SELECT ma_ho_so, ma_don_vi, ma_tthc, trang_thai, received_at, due_at, ended_at, national, local_end, local_class,
    in_time_national, in_time_local, working_minutes, limit_minutes, supplements, office, reason,
    count(*) OVER () AS total
FROM f
WHERE {reached}
ORDER BY received_at, ma_ho_so
LIMIT %(limit)s OFFSET %(offset)s
