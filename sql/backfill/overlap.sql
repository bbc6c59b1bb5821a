-- purpose: an open backfill that covers some of the same days of a dataset, for some of the same units
-- reads:   ops.backfills, ops.backfill_parts
-- writes:  nothing
-- run by:  backfill.queue, before a request is taken

SELECT b.backfill_id, b.state, b.asked_by, p.first_day, p.last_day
FROM ops.backfills b
JOIN ops.backfill_parts p USING (backfill_id)
WHERE p.dataset = %(dataset)s AND p.state IN ('waiting', 'running')
  AND p.first_day <= %(last)s AND %(first)s <= p.last_day
  AND (cardinality(b.units) = 0 OR cardinality(%(units)s::text[]) = 0 OR b.units && %(units)s::text[])
ORDER BY b.backfill_id
LIMIT 1
