-- purpose: close the held rows that were judged again and passed, by themselves or by a waiver
-- reads:   the run's landing and marks, quarantine.waivers
-- writes:  quarantine.rows; a row that its source gave anew meanwhile is left as it came
-- run by:  warehouse.promote, for redrives

UPDATE quarantine.rows q
SET state = CASE WHEN b.waived THEN 'waived' ELSE 'released' END,
    closed_at = ops.moment(),
    waiver = CASE WHEN b.waived THEN (
        SELECT w.waiver_id FROM quarantine.waivers w
        WHERE w.dataset = q.dataset AND w.source = q.source AND w.record_key = q.record_key
        ORDER BY (w.revoked_at IS NULL AND w.valid_until > ops.moment()) DESC, w.waiver_id DESC
        LIMIT 1
    ) END
FROM (
    SELECT l._source, l._held_key, l._held_place, l._held_run, m.waived <> 0 AS waived
    FROM {marks} m
    JOIN {landing} l USING (_row)
    WHERE m.broken = 0
) b
WHERE q.dataset = %(dataset)s AND q.source = b._source AND q.record_key = b._held_key AND q.place = b._held_place
  AND q.state = 'open' AND q.last_run = b._held_run
