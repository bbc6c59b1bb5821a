-- purpose: how often the rules of one dataset were broken in its newest windows, window by window, the oldest first
-- reads:   ops.runs, ops.verdicts
-- writes:  nothing
-- run by:  console.history

-- Of a window counts its newest reading; one of some sources only where no other judged the rule.
WITH windows AS (
    SELECT DISTINCT window_start FROM ops.runs
    WHERE dataset = %(dataset)s AND kind = 'read' AND judged_at IS NOT NULL
    ORDER BY window_start DESC
    LIMIT %(windows)s
)
SELECT DISTINCT ON (v.rule, r.window_start) v.rule, r.window_start, v.checked, v.failing, r.run_id
FROM windows w
JOIN ops.runs r ON r.dataset = %(dataset)s AND r.kind = 'read' AND r.window_start = w.window_start
JOIN ops.verdicts v USING (run_id)
WHERE (NOT r.partial OR v.checked > 0) AND (%(rule)s = '' OR v.rule = %(rule)s)
ORDER BY v.rule, r.window_start, r.partial, r.run_id DESC
