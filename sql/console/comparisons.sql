-- purpose: the newest comparison of each dataset with its other holder, and what that holder holds otherwise now
-- reads:   ops.comparisons, quarantine.conflicts, ops.problems
-- writes:  nothing
-- run by:  console.reconciliation

SELECT w.dataset, w.holder, c.compared_at, c.window_end, c.theirs, c.equal, c.differing, c.on_the_way, c.sent_again,
    coalesce(d.changed, 0) AS changed, coalesce(d.behind, 0) AS behind, coalesce(d.missing, 0) AS missing,
    coalesce(d.extra, 0) AS extra, d.since, p.problem_id
FROM unnest(%(datasets)s::text[], %(holders)s::text[]) WITH ORDINALITY AS w (dataset, holder, place)
LEFT JOIN LATERAL (
    SELECT * FROM ops.comparisons a
    WHERE a.dataset = w.dataset AND a.holder = w.holder
    ORDER BY a.comparison_id DESC LIMIT 1
) AS c ON true
LEFT JOIN LATERAL (
    SELECT count(*) FILTER (WHERE kind = 'changed') AS changed, count(*) FILTER (WHERE kind = 'behind') AS behind,
        count(*) FILTER (WHERE kind = 'missing') AS missing, count(*) FILTER (WHERE kind = 'extra') AS extra,
        min(first_seen) AS since
    FROM quarantine.conflicts q
    WHERE q.dataset = w.dataset AND q.holder = w.holder AND q.closed_at IS NULL
) AS d ON true
LEFT JOIN ops.problems p ON p.kind = 'conflict' AND p.dataset = w.dataset AND p.source = w.holder AND p.closed_at IS NULL
ORDER BY w.place
