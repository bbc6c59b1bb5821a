-- purpose: the rules that rows of some runs broke, the most broken first
-- reads:   ops.runs, ops.verdicts
-- writes:  nothing
-- run by:  console.airflow

SELECT r.dataset, v.rule, v.severity, sum(v.failing)::bigint AS failing
FROM ops.verdicts v
JOIN ops.runs r USING (run_id)
WHERE v.run_id = ANY(%(runs)s) AND v.failing > 0
GROUP BY 1, 2, 3
ORDER BY failing DESC, 1, 2
LIMIT %(most)s
