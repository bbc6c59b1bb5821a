-- purpose: move the facts that no longer hold into their history
-- reads:   changed
-- writes:  marts.dossiers, marts.dossiers_history
-- run by:  indicators.refresh

WITH gone AS (
    DELETE FROM marts.dossiers d
    USING changed c
    WHERE c.said AND c.sign = -1 AND c.ma_ho_so = d.ma_ho_so
    RETURNING d.*
)
INSERT INTO marts.dossiers_history ({columns}, known_from, known_to)
-- The clock of people can be set back; what was said was said for some time all the same.
SELECT {columns}, known_from, greatest(known_from, %(moment)s)
FROM gone
