-- purpose: since when everything that one receiver can list was looked at; null while some of it never was
-- reads:   grid (a temporary table of the session), ops.reconciliations, ops.reconciliation_parts
-- writes:  nothing
-- run by:  reconcile.run, when a look ends

SELECT CASE WHEN bool_and(l.looked_at IS NOT NULL) THEN min(l.looked_at) END AS since
FROM grid g
LEFT JOIN (
    SELECT p.dataset, p.unit, p.first_day, max(p.looked_at) AS looked_at
    FROM ops.reconciliation_parts p
    JOIN ops.reconciliations r USING (reconciliation_id)
    WHERE r.endpoint = %(endpoint)s AND r.first_day IS NULL AND p.state = 'looked'
    GROUP BY p.dataset, p.unit, p.first_day
) l ON l.dataset = g.dataset AND l.unit = g.unit AND l.first_day IS NOT DISTINCT FROM g.first_day
