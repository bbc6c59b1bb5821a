-- purpose: every token with its rights and its last use
-- reads:   share.tokens, share.accesses
-- writes:  nothing
-- run by:  share.tokens, for the command line

SELECT t.token_id, t.system, t.datasets, t.ceiling, t.created_at, t.created_by, t.expires_at, t.revoked_at,
    t.revoked_by,
    CASE
        WHEN t.revoked_at IS NOT NULL THEN 'revoked'
        WHEN t.expires_at <= clock_timestamp() THEN 'expired'
        ELSE 'valid'
    END AS state,
    (SELECT max(a.at) FROM share.accesses a WHERE a.token_id = t.token_id) AS last_used_at
FROM share.tokens t
ORDER BY t.token_id
