-- purpose: the questions of the newest daily look at one endpoint, those whose answer was refused first
-- reads:   ops.reconciliations, ops.reconciliation_parts
-- writes:  nothing
-- run by:  reconcile.differences

SELECT p.number, p.dataset, p.unit, p.first_day, p.last_day, p.state, p.held, p.expected, p.equal, p.differing,
    p.on_the_way, p.reason, p.looked_at
FROM ops.reconciliation_parts p
WHERE p.reconciliation_id = (
    SELECT max(r.reconciliation_id) FROM ops.reconciliations r WHERE r.endpoint = %(endpoint)s AND r.first_day IS NULL
)
ORDER BY p.state = 'refused' DESC, p.differing DESC NULLS LAST, p.number
LIMIT %(most)s
