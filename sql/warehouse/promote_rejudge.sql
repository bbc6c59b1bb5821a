-- purpose: note on held rows that were judged again which rules they break now
-- reads:   the run's landing and marks
-- writes:  quarantine.rows; a row that its source gave anew meanwhile is left as it came
-- run by:  warehouse.promote, for redrives

UPDATE quarantine.rows q
SET rules = b.rules, last_run = %(run_id)s, judged_at = %(marked_at)s
FROM (
    SELECT l._source, l._held_key, l._held_place, l._held_run, array_remove(ARRAY[{broken}], NULL) AS rules
    FROM {marks} m
    JOIN {landing} l USING (_row)
    WHERE m.broken <> 0
) b
WHERE q.dataset = %(dataset)s AND q.source = b._source AND q.record_key = b._held_key AND q.place = b._held_place
  AND q.state = 'open' AND q.last_run = b._held_run
