-- purpose: let refused records leave once more, unless a newer version of the record is or was on its way
-- reads:   publish.outbox
-- writes:  publish.outbox
-- run by:  publishing.dead, by a person's word

-- The receipt of the refusal stays; the next attempt gets one of its own.
UPDATE publish.outbox o
SET state = 'pending', attempts = 0, next_attempt_at = clock_timestamp(), token = NULL, reason = NULL, settled_at = NULL
WHERE o.state = 'dead' AND o.endpoint = %(endpoint)s
  AND (%(dataset)s = '' OR o.dataset = %(dataset)s)
  AND (%(reason)s = '' OR coalesce(o.reason, '') = %(reason)s)
  AND (%(mark)s = '' OR md5(coalesce(o.reason, '')) = %(mark)s)
  AND (cardinality(%(keys)s::text[]) = 0 OR o.record_key = ANY (%(keys)s::text[]))
  AND NOT EXISTS (
    SELECT FROM publish.outbox n
    WHERE n.endpoint = o.endpoint AND n.dataset = o.dataset AND n.record_key = o.record_key AND n.version > o.version
  )
