-- purpose: what a unit is called changes nothing but its name
-- reads:   core.don_vi
-- writes:  marts.units
-- run by:  indicators.refresh, before the units are compared

UPDATE marts.units u
SET name = d.ten_don_vi
FROM core.don_vi d
WHERE d.ma_don_vi = u.unit AND d.ten_don_vi <> u.name
