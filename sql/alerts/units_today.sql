-- purpose: the units that have to give data on a day, and since when each of them exists
-- reads:   core
-- writes:  nothing
-- run by:  alerts.watch

SELECT _record_key AS unit, hieu_luc_tu::timestamptz AS valid_from
FROM {units}
WHERE _deleted_at IS NULL
  AND (hieu_luc_tu IS NULL OR hieu_luc_tu <= %(day)s) AND (hieu_luc_den IS NULL OR %(day)s < hieu_luc_den)
