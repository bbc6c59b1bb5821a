-- purpose: how receivers and warehouse stand to each other, by endpoint and dataset, as the newest look of each found it
-- reads:   ops.reconciliations, ops.reconciled, ops.reconciliation_parts, ops.differences
-- writes:  nothing
-- run by:  reconcile.differences

SELECT r.endpoint, i.dataset, i.knows, i.records, i.accepted, i.on_the_way, i.held_back, i.waiting_parent, i.refused,
    i.not_told, i.unaccounted, i.orphans, i.looked_at, r.whole_since, r.state,
    p.refused_parts, p.planned_parts, d.open_missing, d.open_different, d.open_extra
FROM (
    SELECT DISTINCT ON (q.endpoint) q.* FROM ops.reconciliations q
    WHERE EXISTS (SELECT FROM ops.reconciled s WHERE s.reconciliation_id = q.reconciliation_id)
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
    SELECT count(*) FILTER (WHERE q.kind = 'missing') AS open_missing,
        count(*) FILTER (WHERE q.kind = 'different') AS open_different,
        count(*) FILTER (WHERE q.kind = 'extra') AS open_extra
    FROM ops.differences q
    WHERE q.endpoint = r.endpoint AND q.dataset = i.dataset AND q.closed_at IS NULL
) d
ORDER BY r.endpoint, i.dataset
