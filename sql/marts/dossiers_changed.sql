-- purpose: what the touched dossiers said (sign -1) and say now (sign 1), where that differs; and those that count
--          otherwise because the horizon reached one of their days, or the floor moved, with both signs
-- reads:   touched, facts, marts.dossiers
-- writes:  temporary table changed
-- run by:  indicators.refresh

CREATE TEMPORARY TABLE changed ON COMMIT DROP AS
WITH pairs AS (
    SELECT ma_ho_so, o.ma_ho_so IS NOT NULL AS known, n.ma_ho_so IS NOT NULL AS live
    FROM touched
    LEFT JOIN marts.dossiers o USING (ma_ho_so)
    LEFT JOIN facts n USING (ma_ho_so)
    WHERE ({new}) IS DISTINCT FROM ({old})
), crossed AS (
    SELECT ma_ho_so
    FROM marts.dossiers d
    WHERE (
        (d.national = 'open' AND d.open_until >= %(before)s::date + 1 AND d.open_until < %(horizon)s::date + 1)
        OR d.received_on BETWEEN %(before)s::date + 1 AND %(horizon)s::date
        OR d.local_end BETWEEN %(before)s::date + 1 AND %(horizon)s::date
        OR %(floor)s::date <> %(floor_before)s::date
    ) AND NOT EXISTS (SELECT FROM pairs p WHERE p.ma_ho_so = d.ma_ho_so)
)
SELECT -1 AS sign, %(before)s::date AS horizon, %(floor_before)s::date AS floor, true AS said, {columns}
FROM marts.dossiers f
WHERE ma_ho_so IN (SELECT ma_ho_so FROM pairs WHERE known)
UNION ALL
SELECT 1, %(horizon)s::date, %(floor)s::date, true, {columns}
FROM facts f
WHERE ma_ho_so IN (SELECT ma_ho_so FROM pairs WHERE live)
UNION ALL
SELECT s.sign, s.horizon, s.floor, false, {columns}
FROM marts.dossiers f
CROSS JOIN (VALUES
    (-1, %(before)s::date, %(floor_before)s::date), (1, %(horizon)s::date, %(floor)s::date)
) AS s (sign, horizon, floor)
WHERE ma_ho_so IN (SELECT ma_ho_so FROM crossed)
