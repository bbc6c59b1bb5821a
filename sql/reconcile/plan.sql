-- purpose: plan the questions of one look: the newest days, what was found otherwise, and of the rest what was asked longest ago
-- reads:   grid (a temporary table of the session), ops.reconciliations, ops.reconciliation_parts, ops.differences
-- writes:  ops.reconciliation_parts
-- run by:  reconcile.planning, in the transaction that opens the look

INSERT INTO ops.reconciliation_parts (reconciliation_id, number, dataset, unit, first_day, last_day)
WITH looks AS (
    -- a refused part had its turn, or a few of them would be asked every day instead of the others; the days that a
    -- person asked for are not those of the grid
    SELECT p.dataset, p.unit, p.first_day, max(p.looked_at) AS asked_at
    FROM ops.reconciliation_parts p
    JOIN ops.reconciliations r USING (reconciliation_id)
    WHERE r.endpoint = %(endpoint)s AND r.first_day IS NULL AND p.state IN ('looked', 'refused')
    GROUP BY p.dataset, p.unit, p.first_day
), ranked AS (
    SELECT g.*, g.first_day IS NULL OR g.recent OR %(all)s OR EXISTS (
            SELECT FROM ops.differences d
            WHERE d.endpoint = %(endpoint)s AND d.dataset = g.dataset AND d.closed_at IS NULL
              AND d.kind IN ('missing', 'different', 'extra')
              AND d.unit = g.unit AND d.day BETWEEN g.first_day AND g.last_day
        ) AS always,
        row_number() OVER (
            PARTITION BY g.recent ORDER BY l.asked_at NULLS FIRST, g.first_day DESC, g.dataset, g.unit
        ) AS place,
        count(*) OVER (PARTITION BY g.recent) AS of_all
    FROM grid g
    LEFT JOIN looks l ON l.dataset = g.dataset AND l.unit = g.unit AND l.first_day = g.first_day
)
SELECT %(reconciliation)s, row_number() OVER (ORDER BY recent DESC, place), dataset, unit, first_day, last_day
FROM ranked
WHERE always OR place <= ceil(of_all / %(whole)s::numeric)
