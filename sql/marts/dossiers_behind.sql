-- purpose: a page of the dossiers behind a figure: codes and times, what both definitions say, and why they differ
-- reads:   marts.dossiers, marts.dossiers_history
-- writes:  nothing
-- run by:  indicators.reading.behind, indicators.reading.definitions_differ

-- The period and the place come as values, so that an index can be used for them.
WITH said AS (
    SELECT {columns}, known_from, NULL::timestamptz AS known_to
    FROM marts.dossiers
    UNION ALL
    SELECT {columns}, known_from, known_to
    FROM marts.dossiers_history
    WHERE %(as_of)s::timestamptz IS NOT NULL
), judged AS (
    SELECT f.*, p.last,
        CASE WHEN CASE WHEN f.national = 'open' THEN coalesce(f.open_until >= p.stands + 1, true)
            ELSE f.national = 'on_time' END THEN 'on_time' ELSE 'late' END AS nationally,
        CASE
            WHEN f.local_class = 'outside' THEN NULL
            WHEN f.local_class = 'late' OR f.local_class = 'open' AND f.due_at::date < p.stands THEN 'late'
            ELSE 'on_time'
        END AS locally
    FROM said f
    CROSS JOIN (SELECT %(start)s::date AS start, %(last)s::date AS last, %(stands)s::date AS stands) p
    WHERE (%(as_of)s::timestamptz IS NULL OR known_from <= %(as_of)s AND (known_to IS NULL OR %(as_of)s < known_to))
      AND {place} AND ({test})
), reasoned AS (
    SELECT *, nullif({reason}, 'same') AS reason FROM judged
)
SELECT ma_ho_so, ma_don_vi, ma_tthc, trang_thai, received_at, due_at, ended_at, national, local_end, local_class,
    nationally = 'on_time' AS in_time_national, locally = 'on_time' AS in_time_local, working_minutes, limit_minutes,
    supplements, office, reason, {total} AS total
FROM reasoned
WHERE {reached}
ORDER BY received_on, received_at, ma_ho_so
LIMIT %(limit)s OFFSET %(offset)s
