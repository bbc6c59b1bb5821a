-- purpose: bring the facts of field feedback up to core, and tell what that takes from and adds to the measures
-- reads:   core.phan_anh_hien_truong, marts.units, marts.feedback
-- writes:  marts.feedback, moves
-- run by:  indicators.refresh

WITH keys AS (
    SELECT ma_phan_anh FROM core.phan_anh_hien_truong WHERE _change > %(phan_anh_hien_truong)s
    UNION
    SELECT ma_phan_anh FROM marts.feedback WHERE %(whole)s
), fresh AS (
    SELECT k.ma_phan_anh, u.unit, u.sum AS level_sum, p.thoi_diem_gui::date AS sent_on,
        p.muc_do_hai_long::smallint AS rating,
        p.ma_phan_anh IS NOT NULL AND p._deleted_at IS NULL AND u.unit IS NOT NULL AS live
    FROM keys k
    LEFT JOIN core.phan_anh_hien_truong p USING (ma_phan_anh)
    LEFT JOIN LATERAL (
        -- The commune whose code it is, or was last.
        SELECT * FROM marts.units u
        WHERE u.ma_xa = p.ma_xa ORDER BY coalesce(u.valid_to, 'infinity') DESC, u.unit LIMIT 1
    ) u ON true
), differs AS (
    SELECT n.*, o.ma_phan_anh IS NOT NULL AS known, o.unit AS old_unit, o.level_sum AS old_sum, o.sent_on AS old_on,
        o.rating AS old_rating
    FROM fresh n
    LEFT JOIN marts.feedback o USING (ma_phan_anh)
    WHERE n.live IS DISTINCT FROM (o.ma_phan_anh IS NOT NULL) OR (n.live AND (n.unit, n.level_sum, n.sent_on, n.rating)
        IS DISTINCT FROM (o.unit, o.level_sum, o.sent_on, o.rating))
), gone AS (
    DELETE FROM marts.feedback f USING differs d WHERE d.ma_phan_anh = f.ma_phan_anh AND NOT d.live
), put AS (
    INSERT INTO marts.feedback (ma_phan_anh, unit, level_sum, sent_on, rating)
    SELECT ma_phan_anh, unit, level_sum, sent_on, rating FROM differs WHERE live
    ON CONFLICT (ma_phan_anh) DO UPDATE SET unit = excluded.unit, level_sum = excluded.level_sum,
        sent_on = excluded.sent_on, rating = excluded.rating
), same AS (
    -- What the horizon or the floor has reached; marts.feedback as it stood before this statement.
    SELECT f.*
    FROM marts.feedback f
    WHERE (f.sent_on BETWEEN %(before)s::date + 1 AND %(horizon)s::date OR %(floor)s::date <> %(floor_before)s::date)
      AND NOT EXISTS (SELECT FROM differs d WHERE d.ma_phan_anh = f.ma_phan_anh)
), signed AS (
    SELECT 1 AS sign, unit, level_sum, sent_on AS day, rating FROM differs WHERE live
    UNION ALL
    SELECT -1, old_unit, old_sum, old_on, old_rating FROM differs WHERE known
    UNION ALL
    SELECT s.sign, unit, level_sum, sent_on, rating FROM same CROSS JOIN (VALUES (-1), (1)) AS s (sign)
)
INSERT INTO moves (unit, level_sum, day, opening, {names})
SELECT unit, level_sum, day, false, {sums}
FROM signed f
WHERE CASE sign WHEN 1 THEN day BETWEEN %(floor)s::date AND %(horizon)s::date
    ELSE day BETWEEN %(floor_before)s::date AND %(before)s::date END
GROUP BY 1, 2, 3
