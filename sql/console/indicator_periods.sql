-- purpose: the periods that there are figures of, the newest first, how far the last refresh saw, and what has moved
-- reads:   marts.periods, marts.indicator_state, ops.dataset_versions, ops.runs, publish.chain_heads
-- writes:  nothing
-- run by:  console.indicators.board

-- marts and around name a state, for values that are kept: see console.indicators.kept. A refresh that changed what is
-- said has seen other change numbers.
SELECT p.kind, p.start, s.horizon, s.agency, (SELECT min(begins) FROM marts.periods) AS floor,
    md5(s.refreshed_at::text || s.seen::text) AS marts,
    concat_ws(
        ' ', (SELECT max(run_id) FROM ops.runs), (SELECT sum(version) FROM ops.dataset_versions),
        (SELECT sum(place) FROM publish.chain_heads)
    ) AS around
FROM marts.indicator_state s
CROSS JOIN marts.periods p
WHERE p.kind IN ('month', 'quarter', 'year')
ORDER BY p.start DESC
