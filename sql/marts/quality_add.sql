-- purpose: say what the scorecard does not say yet about the touched windows
-- reads:   fresh
-- writes:  marts.quality
-- run by:  warehouse.marts.refresh, after what no longer holds has gone

INSERT INTO marts.quality (
    dataset, source, day, dimension, state, checked, failing, score, rows, rejected, delivered_at, due_at, run_id,
    valid_from
)
SELECT
    dataset, source, day, dimension, state, checked, failing, score, rows, rejected, delivered_at, due_at, run_id,
    ops.moment()
FROM fresh
ON CONFLICT (dataset, source, day, dimension) DO NOTHING
