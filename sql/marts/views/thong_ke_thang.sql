-- purpose: the dataset thong_ke_thang: what every unit received, resolved and still has, by month
-- reads:   marts.unit_periods, core.don_vi
-- writes:  marts.thong_ke_thang
-- run by:  Warehouse.migrate, after the tables of the contracts

-- By the local definition, as the statistics message means it: released by the date of the result, late after the due
-- date. The sums are told by nobody: each unit sends its own.
CREATE VIEW marts.thong_ke_thang AS
SELECT
    p.unit AS ma_don_vi,
    p.start AS thang,
    p.received AS moi_tiep_nhan,
    p.carried_over AS ton_truoc,
    p.received + p.carried_over AS tong,
    p.resolved AS da_giai_quyet,
    p.early + p.on_time AS dung_han,
    p.late AS qua_han,
    p.pending AS dang_giai_quyet,
    p.pending_in_time AS trong_han,
    p.overdue AS tre_han
FROM marts.unit_periods p
JOIN core.don_vi v ON v.ma_don_vi = p.unit AND v._deleted_at IS NULL
WHERE p.kind = 'month';
