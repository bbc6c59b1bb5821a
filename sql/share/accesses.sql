-- purpose: who has read what in the last days, the newest first
-- reads:   share.accesses
-- writes:  nothing
-- run by:  lienthong share accesses

SELECT at, system, token_id, dataset, what, version, rows, status, request_id
FROM share.accesses
WHERE at > clock_timestamp() - make_interval(days => %(days)s) AND %(dataset)s IN ('', dataset)
ORDER BY access_id DESC
LIMIT %(limit)s
