-- purpose: how many rejected rows of each day are still open, whatever run has closed or opened one since
-- reads:   quarantine.rows
-- writes:  marts.quality
-- run by:  warehouse.marts.refresh

WITH held AS (
    SELECT dataset, source, (window_start AT TIME ZONE %(timezone)s)::date AS day, count(*) AS rows
    FROM quarantine.rows
    WHERE state = 'open'
    GROUP BY 1, 2, 3
), told AS (
    -- Five dimensions a day; one that was restated just now says 0.
    SELECT dataset, source, day,
        CASE WHEN count(*) = 5 AND min(open_rows) = max(open_rows) THEN max(open_rows) END AS rows
    FROM marts.quality
    WHERE open_rows > 0
    GROUP BY 1, 2, 3
), wrong AS (
    SELECT dataset, source, day, coalesce(h.rows, 0) AS rows
    FROM held h
    FULL JOIN told t USING (dataset, source, day)
    WHERE h.rows IS DISTINCT FROM t.rows
)
UPDATE marts.quality q
SET open_rows = w.rows
FROM wrong w
WHERE (q.dataset, q.source, q.day) = (w.dataset, w.source, w.day)
