-- purpose: say what the dossiers say now
-- reads:   changed
-- writes:  marts.dossiers
-- run by:  indicators.refresh, after what no longer holds has gone

INSERT INTO marts.dossiers ({columns}, known_from)
SELECT {columns}, %(moment)s
FROM changed
WHERE said AND sign = 1
