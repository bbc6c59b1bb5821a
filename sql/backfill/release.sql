-- purpose: let what the windows of a backfill promoted leave for the receivers
-- reads:   ops.backfill_parts, ops.runs
-- writes:  publish.outbox
-- run by:  backfill.queue, when a person releases it

UPDATE publish.outbox o
SET next_attempt_at = clock_timestamp()
FROM ops.runs r, ops.backfill_parts p
WHERE o.state = 'pending' AND o.next_attempt_at = 'infinity' AND o.run_id = r.run_id
  AND p.backfill_id = %(backfill_id)s AND p.dataset = r.dataset
  AND (r.window_start AT TIME ZONE 'Asia/Ho_Chi_Minh')::date BETWEEN p.first_day AND p.last_day
