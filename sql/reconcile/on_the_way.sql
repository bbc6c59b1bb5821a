-- purpose: take out of doubt what the sender has in its hands, or settled since the reading began
-- reads:   publish.outbox
-- writes:  doubtful, a temporary table of the session
-- run by:  reconcile.looking, before records are looked up one by one and again before anything is noted

UPDATE doubtful d
SET on_the_way = true
WHERE NOT d.on_the_way AND (
    EXISTS (
        SELECT FROM publish.outbox o
        WHERE o.endpoint = %(endpoint)s AND o.dataset = %(dataset)s AND o.record_key = d.record_key
          AND (
            o.state IN ('claimed', 'in_doubt')
            OR (o.state IN ('done', 'dead') AND o.settled_at >= %(began)s)
            -- that a newer version waits to leave explains no loss of the one before
            OR (o.state = 'pending' AND o.next_attempt_at < 'infinity'
                AND (d.kind <> 'missing' OR o.version = d.version))
          )
    )
    OR (d.version IS NOT NULL AND d.version IS DISTINCT FROM (
        SELECT max(o.version) FROM publish.outbox o
        WHERE o.endpoint = %(endpoint)s AND o.dataset = %(dataset)s AND o.record_key = d.record_key
          AND o.state = 'done'
    ))
)
