-- purpose: backfills with what waits to be released and how long each has been at work
-- reads:   ops.backfills, ops.backfill_parts, ops.runs, publish.outbox
-- writes:  nothing
-- run by:  backfill.queue

SELECT b.*,
    (
        SELECT count(*) FROM publish.outbox o JOIN ops.runs r USING (run_id)
        WHERE r.backfill_id = b.backfill_id AND o.state = 'pending' AND o.next_attempt_at = 'infinity'
    ) AS waiting_to_leave,
    (
        SELECT extract(epoch FROM coalesce(b.ended_at, clock_timestamp()) - min(p.begun_at))
        FROM ops.backfill_parts p WHERE p.backfill_id = b.backfill_id
    ) AS seconds
FROM ops.backfills b
WHERE (%(backfill_id)s::bigint IS NULL OR b.backfill_id = %(backfill_id)s)
  AND (NOT %(open_only)s OR b.ended_at IS NULL)
ORDER BY b.backfill_id DESC
LIMIT 200
