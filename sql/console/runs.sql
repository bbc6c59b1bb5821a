-- purpose: the newest runs of one dataset with their counts, and what became of their sources
-- reads:   ops.runs, ops.batches
-- writes:  nothing
-- run by:  console.queries.runs

SELECT r.run_id, r.kind, r.window_start, r.state, r.partial, r.opened_at, r.judged_at, r.closed_at, r.dag_id, r.dag_run_id, r.extracted,
    r.inserted, r.updated, r.unchanged, r.superseded, r.quarantined, r.deleted, r.enqueued,
    s.landed, s.missing, s.blocked
FROM (
    SELECT * FROM ops.runs WHERE dataset = %(dataset)s ORDER BY run_id DESC LIMIT %(most)s
) r
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE b.state = 'landed') AS landed, count(*) FILTER (WHERE b.state = 'missing') AS missing,
        count(*) FILTER (WHERE b.state = 'blocked') AS blocked
    FROM ops.batches b
    WHERE b.run_id = r.run_id AND b.source <> %(waiting)s
) s
ORDER BY r.run_id DESC
