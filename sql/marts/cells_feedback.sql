-- purpose: bring the facts of field feedback up to core, and tell what that takes from and adds to the measures
-- reads:   core.phan_anh_hien_truong, marts.units
-- writes:  marts.feedback, moves
-- run by:  indicators.refresh

WITH fresh AS (
    SELECT p.ma_phan_anh, u.unit, u.sum AS level_sum, p.thoi_diem_gui::date AS sent_on,
        p.muc_do_hai_long::smallint AS rating, p._deleted_at IS NULL AND u.unit IS NOT NULL AS live
    FROM core.phan_anh_hien_truong p
    LEFT JOIN LATERAL (
        -- The commune whose code it is, or was last.
        SELECT * FROM marts.units u
        WHERE u.ma_xa = p.ma_xa ORDER BY coalesce(u.valid_to, 'infinity') DESC, u.unit LIMIT 1
    ) u ON true
    WHERE p._change > %(phan_anh_hien_truong)s
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
), signed AS (
    SELECT 1 AS sign, unit, level_sum, sent_on AS day, rating FROM differs WHERE live
    UNION ALL
    SELECT -1, old_unit, old_sum, old_on, old_rating FROM differs WHERE known
)
INSERT INTO moves (unit, level_sum, day, {names})
SELECT unit, level_sum, day, {sums}
FROM signed f
GROUP BY 1, 2, 3
