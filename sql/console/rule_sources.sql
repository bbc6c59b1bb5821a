-- purpose: which sources broke one rule in the newest windows of a dataset, and how often; the worst first
-- reads:   ops.verdict_sources
-- writes:  nothing
-- run by:  console.history

SELECT source, sum(failing)::bigint AS failing, count(*) AS windows
FROM ops.verdict_sources
WHERE run_id = ANY (%(runs)s) AND rule = %(rule)s AND failing > 0
GROUP BY source
ORDER BY failing DESC, source
LIMIT %(most)s
