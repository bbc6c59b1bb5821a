-- purpose: close what waits although a newer version of the record exists, as after the redrive of an old dead letter
-- reads:   publish.outbox
-- writes:  publish.outbox
-- run by:  publishing, once, when a sender starts

UPDATE publish.outbox o
SET state = 'superseded', settled_at = clock_timestamp()
WHERE o.endpoint = %(endpoint)s AND o.state = 'pending'
  AND EXISTS (
    SELECT FROM publish.outbox n
    WHERE n.endpoint = o.endpoint AND n.dataset = o.dataset AND n.record_key = o.record_key AND n.version > o.version
  )
