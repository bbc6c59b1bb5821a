-- purpose: a part of other statements: dossiers of a period as each of the two definitions of on time counts them
-- reads:   marts.dossiers
-- writes:  nothing
-- run by:  console.indicators.difference

-- nationally, locally: 'on_time', 'late', or null where the dossier is not in that definition's denominator. What is
-- open is judged at the end of the day before "stands". reason: sql/marts/dossiers_reason.sql.
SELECT ma_ho_so, ma_don_vi, ma_tthc, received_at, due_at, ended_at, national, local_end, local_class, office,
    nationally, locally, {reason} AS reason
FROM marts.dossiers d
CROSS JOIN LATERAL (
    SELECT %(last)s::date AS last,
        CASE
            WHEN NOT d.counted OR d.received_on NOT BETWEEN %(first)s::date AND %(last)s::date THEN NULL
            WHEN d.national = 'on_time' THEN 'on_time'
            WHEN d.national = 'open' AND coalesce(d.open_until >= %(stands)s, true) THEN 'on_time'
            ELSE 'late'
        END AS nationally,
        CASE
            WHEN d.local_end NOT BETWEEN %(first)s::date AND %(last)s::date THEN NULL
            WHEN d.local_class IN ('early', 'on_time') THEN 'on_time'
            WHEN d.local_class = 'late' THEN 'late'
        END AS locally
) c
WHERE d.ma_don_vi = ANY(%(units)s)
  AND (d.received_on BETWEEN %(first)s AND %(last)s OR d.local_end BETWEEN %(first)s AND %(last)s)
  AND (nationally IS NOT NULL OR locally IS NOT NULL)
