-- purpose: move what the scorecard no longer says about the touched windows into its history
-- reads:   touched, fresh
-- writes:  marts.quality, marts.quality_history
-- run by:  warehouse.marts.refresh

WITH gone AS (
    DELETE FROM marts.quality q
    USING touched t
    WHERE q.dataset = t.dataset AND q.day = t.day
      AND NOT EXISTS (
          SELECT FROM fresh f
          WHERE (f.dataset, f.source, f.day, f.dimension) = (q.dataset, q.source, q.day, q.dimension)
            AND (f.state, f.checked, f.failing, f.score, f.rows, f.rejected)
                IS NOT DISTINCT FROM (q.state, q.checked, q.failing, q.score, q.rows, q.rejected)
      )
    RETURNING q.*
)
INSERT INTO marts.quality_history (
    dataset, source, day, dimension, state, checked, failing, score, rows, rejected, open_rows, delivered_at, due_at,
    run_id, valid_from, valid_to
)
SELECT
    dataset, source, day, dimension, state, checked, failing, score, rows, rejected, open_rows, delivered_at, due_at,
    -- The clock of people can be set back; what was said was said for some time all the same.
    run_id, valid_from, greatest(valid_from, ops.moment())
FROM gone
