-- purpose: the receipts of one chain from a place on, in their order, with their moments as they were sealed
-- reads:   publish.receipts
-- writes:  nothing
-- run by:  publishing.chain_live

-- A year before Christ would be written like one after.
SELECT place, previous, hash, dataset, record_key, version, outcome, code, message, request_id, body_sha256,
    to_char(answered_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"+00:00"')
        || CASE WHEN answered_at < '0001-01-01 00:00:00+00' THEN ' BC' ELSE '' END AS answered_at
FROM publish.receipts
WHERE endpoint = %(endpoint)s AND place >= %(first)s
ORDER BY place
