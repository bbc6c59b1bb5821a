-- purpose: one record by its key; of one that was deleted only that it was
-- reads:   core
-- writes:  nothing
-- run by:  share.reading

SELECT c._record_key AS key, c._version AS version, c._change AS change, c._deleted_at IS NOT NULL AS deleted,
    CASE WHEN c._deleted_at IS NULL THEN (SELECT to_json(r) FROM (SELECT {columns}) r)::text END AS record
FROM {core} c
WHERE c._record_key = %(key)s
