-- purpose: one leaf of the dossiers of one reason; codes, times and classes only
-- reads:   marts.dossiers
-- writes:  nothing
-- run by:  console.indicators.difference

SELECT ma_ho_so, ma_don_vi, ma_tthc, received_at, due_at, ended_at, national, local_end, local_class, office
FROM ({judged}) j
WHERE reason = %(reason)s
ORDER BY received_at, ma_ho_so
LIMIT %(most)s OFFSET %(skip)s
