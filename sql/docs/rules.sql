-- purpose: the verdict on each rule of some runs, with the sources that break it, the worst first
-- reads:   ops.verdicts, ops.verdict_sources
-- writes:  nothing
-- run by:  quality.docs_facts.pages

SELECT v.run_id, v.rule, v.severity, v.expectation, v.checked, v.failing,
    coalesce((
        SELECT jsonb_agg(jsonb_build_array(s.source, s.failing) ORDER BY s.failing DESC, s.source)
        FROM ops.verdict_sources s
        WHERE s.run_id = v.run_id AND s.rule = v.rule AND s.failing > 0
    ), '[]') AS sources
FROM ops.verdicts v
WHERE v.run_id = ANY (%(runs)s)
