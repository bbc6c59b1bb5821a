-- purpose: drop the waiting rows that a source gave anew in this run, and those that still have to wait
-- reads:   the run's marks table
-- writes:  the run's landing, typed and marks tables
-- run by:  warehouse.landing.settle_waiting

WITH gone AS (
    DELETE FROM {marks} m
    WHERE m._line = 0
      AND (m.mask & %(rejecting)s <> 0
           OR EXISTS (SELECT FROM {marks} n WHERE n._line > 0 AND n._record_key = m._record_key))
    RETURNING _row
), untyped AS (
    DELETE FROM {typed} t USING gone WHERE t._row = gone._row
)
DELETE FROM {landing} l USING gone WHERE l._row = gone._row
