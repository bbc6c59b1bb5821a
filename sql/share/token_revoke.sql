-- purpose: end a token at once; one that is revoked already stays as it was
-- reads:   share.tokens
-- writes:  share.tokens
-- run by:  share.tokens, for the command line

UPDATE share.tokens
SET revoked_at = clock_timestamp(), revoked_by = %(by)s
WHERE token_id = %(token_id)s AND revoked_at IS NULL
