-- purpose: what receivers hold otherwise, and how old the newest daily look at each of them is
-- reads:   ops.differences, ops.reconciliations
-- writes:  nothing
-- run by:  metrics.measured

SELECT e.endpoint,
    coalesce(d.missing, 0) AS missing, coalesce(d.different, 0) AS different, coalesce(d.extra, 0) AS extra,
    coalesce(d.unaccounted, 0) AS unaccounted, coalesce(d.orphan, 0) AS orphan,
    extract(epoch FROM clock_timestamp() - l.closed_at) AS age,
    extract(epoch FROM clock_timestamp() - l.whole_since) AS whole_age,
    l.refused
FROM unnest(%(endpoints)s::text[]) AS e (endpoint)
LEFT JOIN (
    SELECT endpoint, count(*) FILTER (WHERE kind = 'missing') AS missing,
        count(*) FILTER (WHERE kind = 'different') AS different, count(*) FILTER (WHERE kind = 'extra') AS extra,
        count(*) FILTER (WHERE kind = 'unaccounted') AS unaccounted, count(*) FILTER (WHERE kind = 'orphan') AS orphan
    FROM ops.differences
    WHERE closed_at IS NULL
    GROUP BY endpoint
) d USING (endpoint)
LEFT JOIN LATERAL (
    SELECT r.closed_at, r.whole_since, (
        SELECT count(*) FROM ops.reconciliation_parts p
        WHERE p.reconciliation_id = r.reconciliation_id AND p.state = 'refused'
    ) AS refused
    FROM ops.reconciliations r
    WHERE r.endpoint = e.endpoint AND r.state = 'done' AND r.first_day IS NULL
    ORDER BY r.reconciliation_id DESC
    LIMIT 1
) l ON true
ORDER BY e.endpoint
