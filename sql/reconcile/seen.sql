-- purpose: keep what one part showed otherwise, and close what it covers and no longer shows
-- reads:   doubtful, held, accepted (temporary tables of the session), publish.outbox
-- writes:  ops.differences
-- run by:  reconcile.looking, in the transaction that marks the part as looked at

WITH closed AS (
    UPDATE ops.differences d SET closed_at = ops.moment()
    WHERE d.endpoint = %(endpoint)s AND d.dataset = %(dataset)s AND d.closed_at IS NULL
      AND d.kind IN ('missing', 'different', 'extra')
      AND (
        ((%(unit)s = '' OR d.unit = %(unit)s) AND (%(first)s::date IS NULL OR d.day BETWEEN %(first)s AND %(last)s))
        OR EXISTS (SELECT FROM held h WHERE h.record_key = d.record_key)
        OR EXISTS (
            SELECT FROM accepted a
            WHERE a.record_key = d.record_key AND (%(unit)s = '' OR a.unit = %(unit)s)
              AND (%(first)s::date IS NULL OR a.day BETWEEN %(first)s AND %(last)s)
        )
      )
      -- what is on its way says nothing yet
      AND NOT EXISTS (
        SELECT FROM doubtful f WHERE f.record_key = d.record_key AND (f.on_the_way OR f.kind = d.kind)
      )
      -- what was sent again is mended when it was accepted and is seen, not when it was asked for; only where a newer
      -- version waits and the receiver shows the record, the loss of the one before is disproved
      AND NOT EXISTS (
        SELECT FROM publish.outbox o
        WHERE o.endpoint = d.endpoint AND o.dataset = d.dataset AND o.record_key = d.record_key
          AND o.state IN ('pending', 'claimed', 'in_doubt') AND o.version >= d.version
          AND (o.version = d.version OR NOT EXISTS (SELECT FROM held h WHERE h.record_key = d.record_key))
      )
)
INSERT INTO ops.differences AS d (
    endpoint, dataset, record_key, kind, fields, version, unit, day, reconciliation_id
)
SELECT %(endpoint)s, %(dataset)s, f.record_key, f.kind, f.fields, f.version, %(unit)s, f.day, %(reconciliation)s
FROM doubtful f
WHERE NOT f.on_the_way
ON CONFLICT (endpoint, dataset, record_key, kind) WHERE closed_at IS NULL DO UPDATE
SET last_seen = ops.moment(), fields = excluded.fields, version = greatest(d.version, excluded.version), unit = excluded.unit,
    day = excluded.day, reconciliation_id = excluded.reconciliation_id
