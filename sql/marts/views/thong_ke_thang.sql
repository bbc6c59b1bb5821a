-- purpose: the dataset thong_ke_thang: what every unit received, resolved and still has, by month
-- reads:   marts.unit_periods
-- writes:  marts.thong_ke_thang
-- run by:  Warehouse.migrate, after the tables of the contracts

-- By the local definition, as the statistics message means it: released by the date of the result, late after the due
-- date, and a dossier that was stopped is released in time. New is what opened in the month, so that what came in and
-- what was there is what went out and what is left; the national count of receptions holds refused dossiers too. A unit
-- that has ended keeps its months. The sums are told by nobody: each unit sends its own.
CREATE VIEW marts.thong_ke_thang AS
SELECT
    unit AS ma_don_vi,
    start AS thang,
    opened AS moi_tiep_nhan,
    carried_over AS ton_truoc,
    opened + carried_over AS tong,
    closed AS da_giai_quyet,
    closed - late AS dung_han,
    late AS qua_han,
    pending AS dang_giai_quyet,
    pending_in_time AS trong_han,
    overdue AS tre_han
FROM marts.unit_periods
WHERE kind = 'month' AND level IN ('commune', 'department');
