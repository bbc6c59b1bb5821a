-- purpose: the token that a caller showed, and whether it may still be used
-- reads:   share.tokens
-- writes:  nothing
-- run by:  share.tokens, at every request, so that a revocation holds at once

SELECT token_id, system, datasets, ceiling, revoked_at IS NOT NULL AS revoked, expires_at <= clock_timestamp() AS expired
FROM share.tokens
WHERE sha256 = %(sha256)s
