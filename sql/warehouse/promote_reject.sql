-- purpose: set aside every rejected row; a newer rejection replaces an older and opens again what was closed, but
--          neither what core has overtaken nor what was let through as it is
-- reads:   held, core
-- writes:  quarantine.rows
-- run by:  warehouse.promote, for runs that read sources

INSERT INTO quarantine.rows AS q
    (dataset, source, record_key, place, raw, rules, source_time, first_seen, last_seen, first_run, last_run, line,
     window_start, window_end, judged_at)
SELECT
    %(dataset)s, _source, record_key, place, raw, rules, _source_time, s.moment, s.moment, %(run_id)s, %(run_id)s, _line,
    %(window_start)s, %(window_end)s, %(marked_at)s
FROM held
CROSS JOIN (SELECT ops.moment() AS moment OFFSET 0) s
ORDER BY _source, record_key, place
ON CONFLICT (dataset, source, record_key, place) DO UPDATE
SET raw = excluded.raw, rules = excluded.rules, source_time = excluded.source_time, state = 'open',
    last_seen = excluded.last_seen, last_run = excluded.last_run, line = excluded.line,
    window_start = excluded.window_start, window_end = excluded.window_end, judged_at = excluded.judged_at,
    closed_at = NULL, waiver = NULL
WHERE (q.source_time, q.window_start) <= (excluded.source_time, excluded.window_start)
  AND CASE q.state
      -- Not the line: a database gives its rows in any order.
      WHEN 'open' THEN (q.raw, q.rules, q.window_start) IS DISTINCT FROM
          (excluded.raw, excluded.rules, excluded.window_start)
      WHEN 'waived' THEN (q.raw, q.source_time) IS DISTINCT FROM (excluded.raw, excluded.source_time)
      WHEN 'released' THEN (q.raw, q.source_time) IS DISTINCT FROM (excluded.raw, excluded.source_time)
      ELSE true
  END
  AND (q.state = 'open' OR NOT EXISTS (
      SELECT FROM {core} c
      WHERE c._record_key = excluded.record_key AND c._deleted_at IS NULL AND c._source_time > excluded.source_time
  ))
