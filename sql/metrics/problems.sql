-- purpose: open problems by kind, of every kind that there ever was
-- reads:   ops.problems
-- writes:  nothing
-- run by:  metrics.measured

SELECT kind, count(*) FILTER (WHERE closed_at IS NULL) AS open FROM ops.problems GROUP BY kind ORDER BY kind
