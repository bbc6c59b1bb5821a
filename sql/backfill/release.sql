-- purpose: let what the runs of a backfill promoted leave for the receivers
-- reads:   ops.runs
-- writes:  publish.outbox
-- run by:  backfill.queue, when a person releases it

UPDATE publish.outbox o
SET next_attempt_at = clock_timestamp()
FROM ops.runs r
WHERE r.backfill_id = %(backfill_id)s AND o.run_id = r.run_id
  AND o.state = 'pending' AND o.next_attempt_at = 'infinity'
