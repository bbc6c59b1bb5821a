-- purpose: close the held rows that core has overtaken: it holds a newer good version of the same record
-- reads:   core
-- writes:  quarantine.rows
-- run by:  warehouse.promote, after core was merged

UPDATE quarantine.rows q
SET state = 'corrected', closed_at = ops.moment()
FROM {core} c
WHERE q.dataset = %(dataset)s AND q.state = 'open'
  AND c._record_key = q.record_key
  AND c._deleted_at IS NULL
  AND c._source_time > q.source_time
