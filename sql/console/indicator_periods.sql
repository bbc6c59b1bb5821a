-- purpose: the periods that there are figures of, the newest first, and how far the last refresh saw
-- reads:   marts.periods, marts.indicator_state
-- writes:  nothing
-- run by:  console.indicators.board

SELECT p.kind, p.start, s.horizon, s.agency, s.refreshed_at
FROM marts.indicator_state s
CROSS JOIN marts.periods p
WHERE p.kind IN ('month', 'quarter', 'year')
ORDER BY p.start DESC
