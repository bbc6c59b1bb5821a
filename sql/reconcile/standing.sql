-- purpose: how receivers and warehouse stand to each other, by endpoint and dataset, as the newest daily look of each found it
-- reads:   ops.reconciliations, ops.reconciled, ops.reconciliation_parts, ops.differences, ops.comparisons,
--          quarantine.conflicts
-- writes:  nothing
-- run by:  reconcile.differences

SELECT r.endpoint, i.dataset, i.knows, i.records, i.accepted, i.on_the_way, i.held_back, i.waiting_parent, i.refused,
    i.not_told, i.unaccounted, i.orphans, i.looked_at, r.whole_since, r.state,
    p.refused_parts, p.planned_parts, l.looks, d.open_missing, d.open_different, d.open_extra, c.compared_at, c.compared_otherwise
FROM (
    SELECT DISTINCT ON (q.endpoint) q.* FROM ops.reconciliations q
    WHERE q.first_day IS NULL AND EXISTS (SELECT FROM ops.reconciled s WHERE s.reconciliation_id = q.reconciliation_id)
    ORDER BY q.endpoint, q.reconciliation_id DESC
) r
JOIN ops.reconciled i USING (reconciliation_id)
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE q.state = 'refused') AS refused_parts,
        count(*) FILTER (WHERE q.state = 'planned') AS planned_parts
    FROM ops.reconciliation_parts q
    WHERE q.reconciliation_id = r.reconciliation_id AND q.dataset = i.dataset
) p
CROSS JOIN LATERAL (
    -- the daily looks of the round that is under way: those since the newest after which all had been seen
    SELECT count(*) AS looks
    FROM ops.reconciliations q
    WHERE q.endpoint = r.endpoint AND q.state = 'done' AND q.first_day IS NULL AND q.reconciliation_id > coalesce((
        SELECT max(w.reconciliation_id) FROM ops.reconciliations w
        WHERE w.endpoint = r.endpoint AND w.first_day IS NULL AND w.whole_since IS NOT NULL
    ), 0)
) l
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE q.kind = 'missing') AS open_missing,
        count(*) FILTER (WHERE q.kind = 'different') AS open_different,
        count(*) FILTER (WHERE q.kind = 'extra') AS open_extra
    FROM ops.differences q
    WHERE q.endpoint = r.endpoint AND q.dataset = i.dataset AND q.closed_at IS NULL
) d
CROSS JOIN LATERAL (
    -- of what is known by a comparison: when the newest was made, and what the holder holds otherwise since
    SELECT (
            SELECT max(q.compared_at) FROM ops.comparisons q WHERE q.dataset = i.dataset AND q.holder = r.endpoint
        ) AS compared_at, (
            SELECT count(*) FROM quarantine.conflicts q
            WHERE q.dataset = i.dataset AND q.holder = r.endpoint AND q.closed_at IS NULL
        ) AS compared_otherwise
) c
ORDER BY r.endpoint, i.dataset
