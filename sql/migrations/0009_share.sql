-- purpose: the version of each dataset, and what the read service keeps: who may read what, and who has read
-- reads:   nothing
-- writes:  ops.dataset_versions, share.tokens, share.accesses
-- run by:  Warehouse.migrate, once, in one transaction with its own record

-- The version of a dataset grows by one with every promote that changed something in core. A row of core carries in
-- _change the version that last changed it, so that what changed since a version is a range of one index. Promotes of
-- one dataset follow each other (advisory lock), so whoever sees a version sees everything up to it. The first version
-- is the Unix second in which it was made, by the machine's clock: a warehouse that is rebuilt begins above every
-- version that it had, so that a copy of before is told from one of after.
CREATE TABLE ops.dataset_versions (
    dataset       text        PRIMARY KEY,
    version       bigint      NOT NULL,
    first_version bigint      NOT NULL CHECK (first_version > 0),
    changed_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    CHECK (version >= first_version)
);

CREATE SCHEMA share;

-- A system that may read. The token itself is shown once and kept nowhere; it is 256 random bits, so its hash cannot
-- be searched. Whether it has ended is asked of the server's clock, not of ops.moment(): a sandbox whose clock stands
-- still must not keep a door open.
--   ceiling  the highest class of column whose values it gets; sensitive is no ceiling, nobody gets those
CREATE TABLE share.tokens (
    token_id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    system     text        NOT NULL CHECK (system <> ''),
    sha256     text        NOT NULL UNIQUE CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    datasets   text[]      NOT NULL CHECK (cardinality(datasets) > 0),
    ceiling    text        NOT NULL CHECK (ceiling IN ('public', 'internal', 'personal')),
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    created_by text        NOT NULL CHECK (created_by <> ''),
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz,
    revoked_by text,
    CHECK ((revoked_at IS NULL) = (revoked_by IS NULL))
);

-- One row per answer that a system got (Decree 278/2025, article 13): counts and names, never a key or a value.
CREATE TABLE share.accesses (
    access_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at         timestamptz NOT NULL DEFAULT clock_timestamp(),
    token_id   bigint      NOT NULL REFERENCES share.tokens,
    system     text        NOT NULL,
    dataset    text        NOT NULL,
    what       text        NOT NULL,
    version    bigint,
    rows       bigint      NOT NULL,
    status     integer     NOT NULL,
    request_id text        NOT NULL
);
CREATE INDEX accesses_by_time ON share.accesses (at);
CREATE INDEX accesses_by_token ON share.accesses (token_id, at);

CREATE FUNCTION share.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'share.% only grows: % refused', TG_TABLE_NAME, TG_OP;
END $$;
CREATE TRIGGER accesses_only_grow BEFORE UPDATE OR DELETE OR TRUNCATE ON share.accesses
    FOR EACH STATEMENT EXECUTE FUNCTION share.refuse_change();
CREATE TRIGGER tokens_only_end BEFORE DELETE OR TRUNCATE ON share.tokens
    FOR EACH STATEMENT EXECUTE FUNCTION share.refuse_change();
-- What a token may do is never widened afterwards: another right is another token.
CREATE TRIGGER tokens_keep_rights
    BEFORE UPDATE OF token_id, system, sha256, datasets, ceiling, created_at, created_by, expires_at
    ON share.tokens FOR EACH STATEMENT EXECUTE FUNCTION share.refuse_change();
