-- purpose: the rows of each source of one dataset that wait in the quarantine, with their number per rule
-- reads:   quarantine.rows, ops.problems
-- writes:  nothing; the tables looked and found for problems_settle
-- run by:  warehouse.problems.note_promote

looked AS (
    SELECT p.kind, p.source FROM ops.problems p
    WHERE p.dataset = %(dataset)s AND p.kind = 'rows' AND p.closed_at IS NULL
),
held AS (
    SELECT q.source, q.rules, q.window_start
    FROM quarantine.rows q
    WHERE q.dataset = %(dataset)s AND q.state = 'open'
),
by_rule AS (
    SELECT b.source, jsonb_object_agg(b.rule, b.n) AS rules
    FROM (SELECT h.source, rule, count(*) AS n FROM held h CROSS JOIN unnest(h.rules) rule GROUP BY 1, 2) b
    GROUP BY 1
),
found AS (
    SELECT 'rows' AS kind, h.source, min(h.window_start) AS first_window, max(h.window_start) AS last_window,
           count(*) AS count, jsonb_build_object('rules', coalesce(b.rules, '{{}}')) AS details
    FROM held h
    LEFT JOIN by_rule b USING (source)
    GROUP BY h.source, b.rules
)
