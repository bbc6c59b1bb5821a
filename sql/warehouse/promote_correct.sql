-- purpose: close the held rows of which the same record came in this run and passed, as new or newer
-- reads:   delta, quarantine.waivers
-- writes:  quarantine.rows
-- run by:  warehouse.promote, after core was merged

UPDATE quarantine.rows q
SET state = CASE WHEN g._waived THEN 'waived' ELSE 'corrected' END,
    closed_at = ops.moment(),
    waiver = CASE WHEN g._waived THEN (
        SELECT w.waiver_id FROM quarantine.waivers w
        WHERE w.dataset = q.dataset AND w.source = g._source AND w.record_key = q.record_key
        ORDER BY (w.revoked_at IS NULL AND w.valid_until > ops.moment()) DESC, w.waiver_id DESC
        LIMIT 1
    ) END
FROM delta g
WHERE q.dataset = %(dataset)s AND q.state = 'open'
  AND g._record_key = q.record_key
  AND g._source_time >= q.source_time
