-- purpose: the runs of the ledger that one run of Airflow opened, newest first, with what became of their sources
-- reads:   ops.runs, ops.batches
-- writes:  nothing
-- run by:  console.airflow

SELECT r.run_id, r.dataset, r.kind, r.window_start, r.state, r.partial, r.opened_at, r.judged_at, r.closed_at,
    r.extracted, r.inserted, r.updated, r.unchanged, r.superseded, r.quarantined, r.deleted, r.enqueued,
    s.landed, s.missing, s.blocked, s.absent
FROM (
    SELECT * FROM ops.runs
    WHERE dag_id = %(dag_id)s AND dag_run_id = %(dag_run_id)s
    ORDER BY run_id DESC
    LIMIT %(most)s
) r
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE b.state = 'landed') AS landed, count(*) FILTER (WHERE b.state = 'missing') AS missing,
        count(*) FILTER (WHERE b.state = 'blocked') AS blocked,
        coalesce(
            array_agg(b.source ORDER BY b.source) FILTER (WHERE b.state IN ('missing', 'blocked')), ARRAY[]::text[]
        ) AS absent
    FROM ops.batches b
    WHERE b.run_id = r.run_id AND b.source <> %(waiting)s
) s
ORDER BY r.run_id DESC
