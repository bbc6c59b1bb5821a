-- purpose: the rows of each source of one dataset that point to a code which its catalogue has ended
-- reads:   core, of the dataset and of the catalogues that its rules refer to
-- writes:  nothing; the tables looked and found for problems_settle
-- run by:  warehouse.problems.note_ended

looked AS (
    SELECT p.kind, p.source FROM ops.problems p
    WHERE p.dataset = %(dataset)s AND p.kind = 'ended_code' AND p.closed_at IS NULL
),
pointing AS (
    {pointing}
),
by_code AS (
    SELECT p.source, p.column_name, p.code, p.ended, p.successor, count(*) AS n,
           (array_agg(p.record_key ORDER BY p.record_key))[1:10] AS keys
    FROM pointing p
    GROUP BY 1, 2, 3, 4, 5
),
found AS (
    SELECT 'ended_code' AS kind, b.source, %(window)s::timestamptz AS first_window,
           %(window)s::timestamptz AS last_window, sum(b.n)::bigint AS count,
           jsonb_build_object('codes', jsonb_agg(jsonb_build_object(
               'column', b.column_name, 'code', b.code, 'ended', b.ended, 'successor', b.successor,
               'count', b.n, 'keys', to_jsonb(b.keys)
           ) ORDER BY b.n DESC, b.column_name, b.code)) AS details
    FROM by_code b
    GROUP BY b.source
)
