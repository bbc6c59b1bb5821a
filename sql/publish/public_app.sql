-- purpose: the bodies of records of any public dataset for the public app, one for each wanted version that core holds
-- reads:   core, the table of the dataset
-- writes:  nothing
-- run by:  publishing, in the transaction that claims the records

-- Columns stand in the order of their names, so that the text is the canonical JSON of the document: its SHA-256 in the
-- receipt can be computed again from what the app holds. Of a record that is gone nothing but its key is told.
SELECT
    c._record_key AS record_key,
    CASE WHEN c._deleted_at IS NULL THEN row_to_json(r)::text ELSE '{{}}' END AS body,
    '' AS mark,
    '' AS missing
FROM unnest(%(keys)s::text[], %(versions)s::bigint[]) AS w (record_key, version)
JOIN {core} c ON c._record_key = w.record_key AND c._version = w.version
CROSS JOIN LATERAL (SELECT {columns}) r
WHERE c._record_key = ANY(%(keys)s)
