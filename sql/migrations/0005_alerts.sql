-- purpose: what is wrong and whose it is, whom to write to, and the letters that were written
-- reads:   nothing
-- writes:  ops.problems, ops.contacts, ops.digests, ops.letters, ops.letter_problems; an index of ops.batches
-- run by:  Warehouse.migrate, once, in one transaction with its own record

-- One thing that is wrong. Identity: kind, dataset, source; at most one of an identity is open. A problem that comes
-- back within the cooling-off is the same problem, opened again. Every time is ops.moment().
--   blocked       nothing of the source's newest window was promoted
--   source_down   the source did not answer for some window
--   schema_drift  the source gave for some window what its contract does not promise
--   rows          rows of the source wait in the quarantine
--   warnings      rows of the source's newest window break rules that only warn
--   stale         the newest good window of the source is too old; source is empty when it is so for every source of
--                 the dataset, dataset too when it is so for every dataset
CREATE TABLE ops.problems (
    problem_id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind               text        NOT NULL
                       CHECK (kind IN ('blocked', 'source_down', 'schema_drift', 'rows', 'warnings', 'stale')),
    dataset            text        NOT NULL,
    source             text        NOT NULL,
    opened_at          timestamptz NOT NULL DEFAULT ops.moment(),
    since              timestamptz NOT NULL DEFAULT ops.moment(),
    last_seen_at       timestamptz NOT NULL DEFAULT ops.moment(),
    first_window       timestamptz,
    last_window        timestamptz,
    count              bigint      NOT NULL DEFAULT 0,
    details            jsonb       NOT NULL DEFAULT '{}',
    closed_at          timestamptz,
    told_at            timestamptz,
    escalated_at       timestamptz,
    acknowledged_by    text,
    acknowledged_at    timestamptz,
    acknowledged_until timestamptz,
    acknowledgement    text
);
COMMENT ON COLUMN ops.problems.since IS 'when it opened the last time; opened_at is the first time';
COMMENT ON COLUMN ops.problems.last_seen_at IS 'when something about it was last seen to change';
COMMENT ON COLUMN ops.problems.details IS 'counts and up to ten record keys per rule, or the reason; never a value';
CREATE UNIQUE INDEX problems_one_open ON ops.problems (kind, dataset, source) WHERE closed_at IS NULL;
CREATE INDEX problems_by_identity ON ops.problems (dataset, kind, source, problem_id);

-- Windows that a source still owes are few among many; without this every note about a source walks the ledger.
CREATE INDEX batches_missing ON ops.batches (source) WHERE state = 'missing';

-- Whom to write to: the contacts of a unit, and the province's data team. address is a mailbox, or for Apprise the
-- name of a connection. working_hours: only in office hours; without it also at night, if it cannot wait.
CREATE TABLE ops.contacts (
    contact_id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    scope         text        NOT NULL CHECK (scope IN ('unit', 'province')),
    unit          text        NOT NULL DEFAULT '' CHECK ((scope = 'unit') = (unit <> '')),
    name          text        NOT NULL CHECK (name <> ''),
    channel       text        NOT NULL CHECK (channel IN ('email', 'apprise')),
    address       text        NOT NULL CHECK (address <> ''),
    working_hours boolean     NOT NULL DEFAULT true,
    active        boolean     NOT NULL DEFAULT true,
    changed_at    timestamptz NOT NULL DEFAULT ops.moment(),
    UNIQUE (scope, unit, channel, address)
);

-- The days on which the daily digests were written.
CREATE TABLE ops.digests (
    day         date        PRIMARY KEY,
    composed_at timestamptz NOT NULL DEFAULT ops.moment()
);

-- The outbox: one row per letter and address. role: the owner of the problems, or the province's data team.
--   pending  to be sent, not before next_attempt_at
--   sending  in the hands of the mailer; after a crash it is sent again with the same Message-ID
--   sent     accepted by the mail server
--   dead     refused for good; the province is told once (reported_at)
CREATE TABLE ops.letters (
    letter_id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind            text        NOT NULL
                    CHECK (kind IN ('immediate', 'digest', 'all_clear', 'escalation', 'summary')),
    role            text        NOT NULL DEFAULT 'owner' CHECK (role IN ('owner', 'province')),
    channel         text        NOT NULL CHECK (channel IN ('email', 'apprise')),
    address         text        NOT NULL,
    recipient       text        NOT NULL,
    unit            text        NOT NULL DEFAULT '',
    content         jsonb       NOT NULL,
    message_id      text        NOT NULL UNIQUE,
    "references"    text[]      NOT NULL DEFAULT '{}',
    state           text        NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'sending', 'sent', 'dead')),
    attempts        integer     NOT NULL DEFAULT 0,
    due_at          timestamptz NOT NULL DEFAULT ops.moment(),
    next_attempt_at timestamptz NOT NULL DEFAULT ops.moment(),
    created_at      timestamptz NOT NULL DEFAULT ops.moment(),
    sent_at         timestamptz,
    reason          text,
    reported_at     timestamptz
);
CREATE INDEX letters_open ON ops.letters (next_attempt_at, letter_id) WHERE state IN ('pending', 'sending');
CREATE INDEX letters_unreported ON ops.letters (letter_id) WHERE state = 'dead' AND reported_at IS NULL;

-- Which problems a letter tells of, and how. Who has heard of a problem is read from here.
CREATE TABLE ops.letter_problems (
    letter_id  bigint NOT NULL REFERENCES ops.letters,
    problem_id bigint NOT NULL REFERENCES ops.problems,
    state      text   NOT NULL CHECK (state IN ('new', 'still', 'mended', 'escalated')),
    PRIMARY KEY (letter_id, problem_id)
);
CREATE INDEX letter_problems_by_problem ON ops.letter_problems (problem_id);
