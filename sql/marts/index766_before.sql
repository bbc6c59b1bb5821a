-- purpose: the facts before their last change of the dossiers of which something waits or was refused
-- reads:   marts.dossiers_history, newest, steps
-- writes:  nothing
-- run by:  indicators.index766.comparing, as a part of index766_differences

SELECT DISTINCT ON (ma_ho_so) {columns}
FROM marts.dossiers_history
WHERE ma_ho_so IN (SELECT record_key FROM newest UNION ALL SELECT order_key FROM steps)
ORDER BY ma_ho_so, known_to DESC
