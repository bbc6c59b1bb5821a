-- purpose: give the records of which another holder lost our version a new one of the same content, to be sent again;
--          a holder that took that one and still shows what it showed before is a matter for a person
-- reads:   temporary table difference, quarantine.conflicts as earlier comparisons left it
-- writes:  core, publish.outbox
-- run by:  warehouse.counterpart.compare, for datasets whose master is the province; gives the records

WITH again AS (
    UPDATE {core} c
    SET _version = c._version + 1, _change = %(change)s
    FROM difference d
    WHERE c._record_key = d.record_key AND d.kind <> 'extra' AND NOT d.on_the_way
      AND NOT (
          EXISTS (
              SELECT FROM quarantine.conflicts q
              WHERE q.dataset = %(dataset)s AND q.holder = %(holder)s AND q.closed_at IS NULL
                AND q.record_key = d.record_key AND q.theirs IS NOT DISTINCT FROM d.theirs
          )
          AND NOT EXISTS (
              SELECT FROM unnest(%(endpoints)s::text[]) AS e (endpoint)
              WHERE NOT EXISTS (
                  SELECT FROM publish.outbox o
                  WHERE o.endpoint = e.endpoint AND o.dataset = %(dataset)s AND o.record_key = d.record_key
                    AND o.version = d.our_version AND o.state = 'done'
              )
          )
      )
    RETURNING c._record_key, c._version, c.{order_key}::text AS order_key, c._deleted_at IS NOT NULL AS deleted
),
sent AS (
    INSERT INTO publish.outbox (endpoint, dataset, record_key, version, order_key, run_id, deleted)
    SELECT e.endpoint, %(dataset)s, a._record_key, a._version, a.order_key, %(run_id)s, a.deleted
    FROM again a
    CROSS JOIN unnest(%(every)s::text[]) AS e (endpoint)
    WHERE e.endpoint = ANY (%(endpoints)s)
    -- Another receiver that has not taken the version before would be sent none: only core's newest is ever sent.
       OR EXISTS (
           SELECT FROM publish.outbox o
           WHERE o.endpoint = e.endpoint AND o.dataset = %(dataset)s AND o.record_key = a._record_key
             AND o.version = a._version - 1 AND o.state IN ('pending', 'claimed', 'in_doubt', 'dead')
       )
)
SELECT FROM again
