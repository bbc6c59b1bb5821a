-- purpose: the newest judged days, each with a mark that changes when any of its runs does
-- reads:   ops.runs
-- writes:  nothing
-- run by:  quality.docs_facts.days

SELECT (window_start AT TIME ZONE %(timezone)s)::date AS day,
    md5(string_agg(concat_ws(' ', run_id, state, extract(epoch FROM judged_at)), ',' ORDER BY run_id)) AS seen
FROM ops.runs
WHERE judged_at IS NOT NULL
GROUP BY 1
ORDER BY 1 DESC
LIMIT %(newest)s
