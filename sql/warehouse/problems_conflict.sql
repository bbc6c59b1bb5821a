-- purpose: the records of one dataset that another holder holds otherwise, by what is different about them
-- reads:   quarantine.conflicts
-- writes:  nothing; the tables looked and found for problems_settle
-- run by:  warehouse.problems.note_conflicts

looked (kind, source) AS (SELECT 'conflict', %(source)s::text),
numbered AS (
    SELECT %(master)s || '_' || q.kind AS rule, q.record_key,
           row_number() OVER (PARTITION BY q.kind ORDER BY q.record_key) AS place
    FROM quarantine.conflicts q
    WHERE q.dataset = %(dataset)s AND q.holder = %(source)s AND q.closed_at IS NULL
),
by_rule AS (
    SELECT rule, count(*) AS n, jsonb_agg(record_key ORDER BY place) FILTER (WHERE place <= 10) AS keys
    FROM numbered
    GROUP BY 1
),
found AS (
    SELECT 'conflict' AS kind, %(source)s::text AS source, %(window)s::timestamptz AS first_window,
           %(window)s::timestamptz AS last_window, sum(b.n)::bigint AS count,
           jsonb_build_object('rules', jsonb_object_agg(b.rule, b.n), 'keys', jsonb_object_agg(b.rule, b.keys))
               AS details
    FROM by_rule b
    HAVING count(*) > 0
)
