-- purpose: let a system read some datasets up to a class of column, until a day
-- reads:   nothing
-- writes:  share.tokens
-- run by:  share.tokens

INSERT INTO share.tokens (system, sha256, datasets, ceiling, created_by, expires_at)
VALUES (%(system)s, %(sha256)s, %(datasets)s, %(ceiling)s, %(by)s, clock_timestamp() + make_interval(days => %(days)s))
RETURNING token_id, expires_at
