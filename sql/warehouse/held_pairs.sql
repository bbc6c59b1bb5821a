-- purpose: windows and sources to read again, newest first: a row held there can come back under another name only,
--          or its whole source was held; what was read since the asking window was first read is not asked again,
--          nor is what the backfill that the asking window belongs to has read itself
-- reads:   quarantine.rows, ops.runs, ops.batches
-- writes:  nothing
-- run by:  warehouse.quarantine.pairs_to_recheck

SELECT q.window_start, q.window_end, q.source
FROM quarantine.rows q
WHERE q.dataset = %(dataset)s AND q.state = 'open'
  AND q.window_start < %(window_start)s AND q.window_start >= %(window_start)s - make_interval(days => %(days)s)
  AND (q.record_key LIKE 'row:%%' OR q.rules && %(rules)s)
  AND NOT EXISTS (
      SELECT FROM ops.runs r JOIN ops.batches b USING (run_id)
      WHERE r.dataset = q.dataset AND r.kind = 'read' AND r.window_start = q.window_start AND b.source = q.source
        AND (r.state = 'promoted' OR b.state = 'missing')
        AND r.run_id > (
            SELECT least(min(a.run_id), min(f.run_id) - 1)
            FROM ops.runs a
            LEFT JOIN LATERAL (
                SELECT min(o.run_id) AS run_id FROM ops.runs o
                WHERE o.backfill_id = a.backfill_id AND o.dataset = a.dataset AND o.kind = 'read'
            ) f ON true
            WHERE a.dataset = q.dataset AND a.kind = 'read' AND a.window_start = %(window_start)s
        )
  )
GROUP BY 1, 2, 3
ORDER BY (
    SELECT max(r.run_id) FROM ops.runs r JOIN ops.batches b USING (run_id)
    WHERE r.dataset = %(dataset)s AND r.kind = 'read' AND r.window_start = q.window_start AND b.source = q.source
), 1 DESC, 3
LIMIT %(most)s
