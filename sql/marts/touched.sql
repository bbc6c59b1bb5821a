-- purpose: the windows of which the scorecard has not seen the runs as they are now
-- reads:   ops.runs, marts.refreshed
-- writes:  temporary table touched
-- run by:  warehouse.marts.refresh

CREATE TEMPORARY TABLE touched ON COMMIT DROP AS
WITH windows AS (
    -- Not the highest run seen: runs end in another order than they begin.
    SELECT dataset, window_start, bool_or(state = 'open') AS open,
        md5(string_agg(concat_ws(' ', run_id, state, extract(epoch FROM judged_at)), ',' ORDER BY run_id)) AS seen
    FROM ops.runs
    GROUP BY 1, 2
)
SELECT w.dataset, w.window_start, (w.window_start AT TIME ZONE %(timezone)s)::date AS day, w.seen
FROM windows w
LEFT JOIN marts.refreshed s USING (dataset, window_start)
WHERE w.open OR w.seen IS DISTINCT FROM s.seen
