-- purpose: how often each rule of one dataset was broken in the newest window that was judged
-- reads:   ops.runs, ops.verdicts
-- writes:  nothing
-- run by:  console.queries.verdicts

WITH newest AS (
    SELECT window_start
    FROM ops.runs
    WHERE dataset = %(dataset)s AND kind = 'read' AND judged_at IS NOT NULL
    ORDER BY window_start DESC
    LIMIT 1
), judged AS (
    SELECT DISTINCT ON (v.rule) v.rule, v.checked, v.failing, r.window_start
    FROM newest n
    JOIN ops.runs r ON r.dataset = %(dataset)s AND r.kind = 'read' AND r.window_start = n.window_start
    JOIN ops.verdicts v USING (run_id)
    WHERE NOT r.partial OR v.checked > 0
    ORDER BY v.rule, r.partial, r.run_id DESC
)
SELECT rule, checked, failing, window_start FROM judged
