-- purpose: what one source gave for the newest windows of some datasets: of each window the newest reading that
--          brought it, else the newest try
-- reads:   ops.runs, ops.batches, ops.deliveries
-- writes:  nothing
-- run by:  console.queries.windows

SELECT DISTINCT ON (r.dataset, r.window_start)
    r.dataset, r.window_start, r.run_id, r.state AS run_state, b.state, b.rows, b.reason_code,
    CASE WHEN b.state = 'blocked' THEN b.rows ELSE coalesce(d.rejected, 0) END AS rejected, d.delivered_at
FROM unnest(%(datasets)s::text[]) AS wanted (dataset)
CROSS JOIN LATERAL (
    SELECT max(window_start) AS last FROM ops.runs WHERE dataset = wanted.dataset AND kind = 'read'
) n
JOIN ops.runs r ON r.dataset = wanted.dataset AND r.kind = 'read'
    AND r.window_start > n.last - make_interval(days => %(days)s)
JOIN ops.batches b ON b.run_id = r.run_id AND b.source = %(source)s
LEFT JOIN ops.deliveries d ON d.run_id = r.run_id AND d.source = b.source
ORDER BY r.dataset, r.window_start DESC, (b.state <> 'missing') DESC, r.run_id DESC
