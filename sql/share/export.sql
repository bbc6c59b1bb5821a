-- purpose: every record that a dataset holds, in the order of their keys, for a full export
-- reads:   core
-- writes:  nothing
-- run by:  share.exports, by a cursor of the server

SELECT {columns}
FROM {core} c
WHERE c._deleted_at IS NULL
ORDER BY c._record_key
