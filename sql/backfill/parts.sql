-- purpose: the parts of backfills, with the days that the ledger has promoted since, and the ended days that it has not
-- reads:   ops.backfills, ops.backfill_parts, ops.runs, ops.batches
-- writes:  nothing
-- run by:  backfill.queue

SELECT p.backfill_id, p.number, p.dataset, p.first_day, p.last_day, p.state, p.airflow_id, p.next_day, p.again,
    count(d.promoted) FILTER (WHERE d.promoted) AS promoted,
    coalesce(array_agg(d.day ORDER BY d.day) FILTER (WHERE p.state = 'done' AND NOT d.promoted), '{{}}') AS failed
FROM ops.backfill_parts p
JOIN ops.backfills b USING (backfill_id)
CROSS JOIN LATERAL (
    SELECT g.day::date AS day, EXISTS (
        SELECT FROM ops.runs r
        WHERE r.dataset = p.dataset AND r.kind = 'read' AND r.state = 'promoted' AND r.closed_at >= b.asked_at
          AND r.window_start = g.day AT TIME ZONE 'Asia/Ho_Chi_Minh'
          -- of some units: each was read, in whatever run
          AND NOT EXISTS (
              SELECT FROM unnest(b.units) AS u (unit)
              WHERE NOT EXISTS (
                  SELECT FROM ops.batches s JOIN ops.runs q USING (run_id)
                  WHERE s.source = u.unit AND s.state IN ('landed', 'blocked') AND q.dataset = p.dataset
                    AND q.window_start = r.window_start AND q.state = 'promoted' AND q.closed_at >= b.asked_at
              )
          )
    ) AS promoted
    FROM generate_series(p.first_day::timestamp, p.last_day::timestamp, interval '1 day') AS g (day)
) d
WHERE p.backfill_id = ANY (%(backfills)s)
GROUP BY p.backfill_id, p.number
ORDER BY p.backfill_id, p.number
