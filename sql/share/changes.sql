-- purpose: one page of what the promotes of a span of versions left changed, in the order of the versions; a deleted
--          record is a tombstone without content
-- reads:   core, by its index on _change and _record_key
-- writes:  nothing
-- run by:  share.reading

SELECT c._record_key AS key, c._version AS version, c._change AS change, c._deleted_at IS NOT NULL AS deleted,
    CASE WHEN c._deleted_at IS NULL THEN (SELECT to_json(r) FROM (SELECT {columns}) r)::text END AS record
FROM {core} c
WHERE (c._change, c._record_key) > (%(change)s, %(key)s) AND c._change <= %(until)s
ORDER BY c._change, c._record_key
LIMIT %(limit)s
