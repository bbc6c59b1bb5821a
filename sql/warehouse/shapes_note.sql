-- purpose: note which shape a source showed to a run; one that was accepted stays so, whoever sees it again
-- reads:   ops.runs
-- writes:  ops.shapes, ops.batches
-- run by:  warehouse.shapes, in the transaction that landed the source or found that it must not be landed

WITH noted AS (
    INSERT INTO ops.shapes AS s (dataset, source, kind, columns, digest, told, seen_until)
    SELECT %(dataset)s, %(source)s, %(kind)s, %(columns)s, %(digest)s, %(told)s, r.window_end
    FROM ops.runs r
    WHERE r.run_id = %(run_id)s
    ON CONFLICT (dataset, source, digest) DO UPDATE
    SET seen_at = clock_timestamp(), seen_until = greatest(s.seen_until, excluded.seen_until),
        told = CASE WHEN s.accepted_at IS NULL THEN excluded.told ELSE s.told END
    RETURNING s.shape_id
)
UPDATE ops.batches b
SET shape_id = n.shape_id
FROM noted n
WHERE b.run_id = %(run_id)s AND b.source = %(source)s
RETURNING n.shape_id
