-- purpose: the newest version of each record after a key, with the digest of its body where the endpoint accepted it last
-- reads:   core, accepted (a temporary table of the session), publish.receipts
-- writes:  nothing
-- run by:  reconcile.looking, for a receiver that names records its own way

SELECT c._record_key AS record_key, c._version AS version, (
    SELECT r.body_sha256 FROM publish.receipts r
    WHERE r.endpoint = %(endpoint)s AND r.dataset = %(dataset)s AND r.record_key = c._record_key
      AND r.version = c._version AND r.outcome = 'accepted' AND r.version = a.version
    ORDER BY r.place DESC
    LIMIT 1
) AS sha256
FROM {core} c
LEFT JOIN accepted a ON a.record_key = c._record_key
WHERE c._record_key > %(after)s
ORDER BY c._record_key
LIMIT %(most)s
