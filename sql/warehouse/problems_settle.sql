-- purpose: open, refresh and close problems as a look at the facts found them; the same facts again change nothing
-- reads:   what the caller looked at: looked (kind, source) and found (kind, source, windows, count, details)
-- writes:  ops.problems
-- run by:  warehouse.problems, in the transaction that wrote the facts

WITH {look},
known AS (
    SELECT DISTINCT ON (p.kind, p.source) p.problem_id, p.kind, p.source
    FROM ops.problems p
    JOIN found f ON f.kind = p.kind AND f.source = p.source
    WHERE p.dataset = %(dataset)s
      AND (p.closed_at IS NULL OR p.closed_at >= ops.moment() - %(cooling_off)s::interval)
    ORDER BY p.kind, p.source, p.problem_id DESC
),
refreshed AS (
    UPDATE ops.problems p
    SET first_window = f.first_window, last_window = f.last_window, count = f.count, details = f.details,
        last_seen_at = ops.moment(), closed_at = NULL,
        since = CASE WHEN p.closed_at IS NULL THEN p.since ELSE ops.moment() END
    FROM known k
    JOIN found f ON f.kind = k.kind AND f.source = k.source
    WHERE p.problem_id = k.problem_id
      AND (p.closed_at IS NOT NULL
           OR (p.first_window, p.last_window, p.count, p.details)
              IS DISTINCT FROM (f.first_window, f.last_window, f.count, f.details))
),
closed AS (
    UPDATE ops.problems p
    SET closed_at = ops.moment(), last_seen_at = ops.moment()
    FROM looked l
    WHERE p.dataset = %(dataset)s AND p.kind = l.kind AND p.source = l.source AND p.closed_at IS NULL
      AND NOT EXISTS (SELECT FROM found f WHERE f.kind = p.kind AND f.source = p.source)
)
INSERT INTO ops.problems (kind, dataset, source, first_window, last_window, count, details)
SELECT f.kind, %(dataset)s, f.source, f.first_window, f.last_window, f.count, f.details
FROM found f
WHERE NOT EXISTS (SELECT FROM known k WHERE k.kind = f.kind AND k.source = f.source)
ON CONFLICT (kind, dataset, source) WHERE closed_at IS NULL DO UPDATE
SET first_window = excluded.first_window, last_window = excluded.last_window, count = excluded.count,
    details = excluded.details, last_seen_at = excluded.last_seen_at
