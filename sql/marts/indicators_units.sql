-- purpose: the units of today's catalogue and of every earlier one, and the three sums
-- reads:   core.don_vi
-- writes:  marts.units
-- run by:  indicators.refresh; gives the units that are new or look otherwise

INSERT INTO marts.units (unit, name, sum, level, ma_xa, valid_from, valid_to)
SELECT ma_don_vi, ten_don_vi,
    CASE WHEN loai = 'COMMUNE_PEOPLE_COMMITTEE' THEN %(agency)s || '-XA' ELSE %(agency)s || '-SO' END,
    CASE WHEN ma_don_vi = %(agency)s THEN 'province'
        WHEN loai = 'COMMUNE_PEOPLE_COMMITTEE' THEN 'commune' ELSE 'department' END,
    ma_xa, hieu_luc_tu,
    -- A unit that the catalogue drops without a word has ended; its dossiers stay in the sums.
    coalesce(hieu_luc_den, (_deleted_at AT TIME ZONE %(timezone)s)::date)
FROM core.don_vi
UNION ALL
SELECT s.unit, s.name, NULL, s.level, NULL, NULL, NULL
FROM (VALUES
    (%(agency)s, 'Toàn tỉnh', 'province'),
    (%(agency)s || '-XA', 'Tất cả xã, phường', 'communes'),
    (%(agency)s || '-SO', 'Tất cả cơ quan cấp tỉnh', 'departments')
) AS s (unit, name, level)
WHERE NOT EXISTS (SELECT FROM core.don_vi d WHERE d.ma_don_vi = s.unit)
ON CONFLICT (unit) DO UPDATE SET name = excluded.name, sum = excluded.sum, level = excluded.level,
    ma_xa = excluded.ma_xa, valid_from = excluded.valid_from, valid_to = excluded.valid_to
WHERE (marts.units.name, marts.units.sum, marts.units.level, marts.units.ma_xa, marts.units.valid_from,
    marts.units.valid_to) IS DISTINCT FROM (excluded.name, excluded.sum, excluded.level, excluded.ma_xa,
    excluded.valid_from, excluded.valid_to)
RETURNING unit
