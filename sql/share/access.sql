-- purpose: note one answer that a system got: who, of which dataset, how many rows, when; no key and no value
-- reads:   nothing
-- writes:  share.accesses
-- run by:  share.accesses, before the answer leaves

INSERT INTO share.accesses (token_id, system, dataset, what, version, rows, status, request_id)
VALUES (%(token_id)s, %(system)s, %(dataset)s, %(what)s, %(version)s, %(rows)s, %(status)s, %(request_id)s)
