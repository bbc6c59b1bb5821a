-- purpose: the records of one dataset about which a receiver, its receipts and the warehouse do not agree, by kind
-- reads:   ops.differences
-- writes:  nothing; the tables looked and found for problems_settle
-- run by:  warehouse.problems.note_unreconciled

looked (kind, source) AS (SELECT 'unreconciled', %(source)s::text),
numbered AS (
    SELECT 'doi_soat_' || d.kind AS rule, d.record_key, d.day,
           row_number() OVER (PARTITION BY d.kind ORDER BY d.record_key) AS place
    FROM ops.differences d
    WHERE d.dataset = %(dataset)s AND d.endpoint = %(source)s AND d.closed_at IS NULL
),
by_rule AS (
    SELECT rule, count(*) AS n, min(day) AS first, max(day) AS last,
           jsonb_agg(record_key ORDER BY place) FILTER (WHERE place <= 10) AS keys
    FROM numbered
    GROUP BY 1
),
found AS (
    SELECT 'unreconciled' AS kind, %(source)s::text AS source, min(b.first)::timestamptz AS first_window,
           max(b.last)::timestamptz AS last_window, sum(b.n)::bigint AS count,
           jsonb_build_object('rules', jsonb_object_agg(b.rule, b.n), 'keys', jsonb_object_agg(b.rule, b.keys))
               AS details
    FROM by_rule b
    HAVING count(*) > 0
)
