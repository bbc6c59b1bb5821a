-- purpose: a part of other statements: why the two definitions of on time count one dossier differently
-- reads:   columns of a row of marts.dossiers with nationally, locally and last, which the other statement gives
-- writes:  nothing
-- run by:  indicators.reading, as a part of its own statement and of those of the console

-- nationally, locally: 'on_time', 'late', or null where the dossier is not in that definition's denominator; last: the
-- last day of the period. The words of each reason are in indicators.reasons.
CASE
    WHEN nationally IS NOT DISTINCT FROM locally THEN 'same'
    WHEN locally IS NULL AND local_class = 'outside' THEN 'refused'
    WHEN locally IS NULL AND local_end > last THEN 'ended_later'
    WHEN nationally IS NULL THEN 'received_before'
    WHEN trang_thai = '5' THEN 'supplement'
    WHEN trang_thai IN ('6', '8') THEN 'stopped'
    WHEN locally IS NULL AND national = 'open' THEN 'open'
    WHEN locally IS NULL THEN 'no_end_date'
    WHEN trang_thai = '7' THEN 'withdrawn'
    WHEN due_at IS NULL THEN 'no_due_date'
    WHEN national = 'open' AND local_class <> 'open' THEN 'no_closing_step'
    WHEN national <> 'open' AND local_class = 'open' THEN 'no_end_date'
    WHEN ended_at::date <> local_end THEN 'two_ends'
    WHEN nationally = 'on_time' AND supplements > 0 THEN 'waiting_taken_off'
    WHEN locally = 'on_time' THEN 'time_of_day'
    ELSE 'other'
END
