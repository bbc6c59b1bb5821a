-- purpose: what the portal published last about a period, figure by figure, with the day of the snapshot
-- reads:   core.chi_so_cong_bo
-- writes:  nothing
-- run by:  indicators.index766.published

SELECT DISTINCT ON (ma_don_vi, ma_chi_tieu)
    ma_don_vi AS unit, ma_chi_tieu AS code, tu_so AS numerator, mau_so AS denominator, diem AS score,
    co_chat_luong AS quality, ngay_chup AS taken
FROM core.chi_so_cong_bo
WHERE _deleted_at IS NULL AND ky_loai = %(kind)s AND nam = %(year)s AND ky_so = %(number)s
  AND (%(units)s::text[] = '{{}}' OR ma_don_vi = ANY(%(units)s))
  AND (%(as_of)s::date IS NULL OR ngay_chup <= %(as_of)s)
ORDER BY ma_don_vi, ma_chi_tieu, ngay_chup DESC
