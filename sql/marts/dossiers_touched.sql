-- purpose: the dossiers whose record, steps or procedure changed since the last refresh, or all of them
-- reads:   core.ho_so, core.tien_trinh, core.thu_tuc, marts.dossiers
-- writes:  temporary table touched
-- run by:  indicators.refresh

CREATE TEMPORARY TABLE touched ON COMMIT DROP AS
SELECT ma_ho_so FROM core.ho_so WHERE _change > %(ho_so)s
UNION
SELECT ma_ho_so FROM core.tien_trinh WHERE _change > %(tien_trinh)s
UNION
SELECT h.ma_ho_so
FROM core.thu_tuc p
JOIN core.ho_so h USING (ma_tthc)
WHERE p._change > %(thu_tuc)s AND NOT %(whole)s
UNION
SELECT ma_ho_so FROM marts.dossiers WHERE %(whole)s
