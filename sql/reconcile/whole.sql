-- purpose: how many records of one dataset a whole look expects, and how many it has noted as lost or different so far
-- reads:   accepted (a temporary table of the session), ops.reconciliation_parts, ops.differences
-- writes:  nothing
-- run by:  reconcile.looking, before the first part of a dataset

SELECT e.expected, d.missing, d.different
FROM (
    SELECT coalesce(sum(n.expected), 0)::bigint AS expected
    FROM ops.reconciliation_parts p
    CROSS JOIN LATERAL (
        SELECT count(*) AS expected FROM accepted a
        WHERE NOT a.deleted AND NOT a.gone AND a.unit = p.unit
          AND (p.first_day IS NULL OR a.day BETWEEN p.first_day AND p.last_day)
    ) n
    WHERE p.reconciliation_id = %(reconciliation)s AND p.dataset = %(dataset)s
) e
CROSS JOIN (
    SELECT count(*) FILTER (WHERE kind = 'missing') AS missing,
        count(*) FILTER (WHERE kind = 'different') AS different
    FROM ops.differences
    WHERE endpoint = %(endpoint)s AND dataset = %(dataset)s AND closed_at IS NULL
      AND reconciliation_id = %(reconciliation)s
) d
