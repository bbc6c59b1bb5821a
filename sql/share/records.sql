-- purpose: one page of the records that a dataset holds, in the order of their keys
-- reads:   core
-- writes:  nothing
-- run by:  share.reading

SELECT c._record_key AS key, c._version AS version, c._change AS change, false AS deleted,
    (SELECT to_json(r) FROM (SELECT {columns}) r)::text AS record
FROM {core} c
WHERE c._deleted_at IS NULL AND c._record_key > %(key)s
ORDER BY c._record_key
LIMIT %(limit)s
