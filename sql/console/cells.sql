-- purpose: what is known of each asked source of a dataset: its newest good window, since when one is owed, its score
--          of the newest measured day and of the seven days up to it, and its held rows
-- reads:   ops.watermarks, ops.runs, marts.quality, marts.refreshed, quarantine.rows
-- writes:  nothing
-- run by:  console.queries.cells

WITH asked AS (
    SELECT dataset, source, valid_from
    FROM unnest(%(datasets)s::text[], %(sources)s::text[], %(valid_from)s::timestamptz[])
        AS wanted (dataset, source, valid_from)
), began AS (
    SELECT dataset, min(window_start) AS first_window FROM ops.runs WHERE kind = 'read' GROUP BY dataset
), newest AS (
    SELECT dataset, max((window_start AT TIME ZONE %(timezone)s)::date) AS day FROM marts.refreshed GROUP BY dataset
), days AS (
    SELECT q.dataset, q.source, q.day, avg(q.score) AS score
    FROM newest n
    JOIN marts.quality q ON q.dataset = n.dataset AND q.day > n.day - 7 AND q.day <= n.day
    GROUP BY q.dataset, q.source, q.day
), scored AS (
    SELECT dataset, source, (array_agg(score ORDER BY day DESC))[1] AS score, avg(score) AS score_7
    FROM days
    GROUP BY dataset, source
), held AS (
    SELECT dataset, source, count(*) AS rows FROM quarantine.rows WHERE state = 'open' GROUP BY dataset, source
)
SELECT a.dataset, a.source, w.window_end AS good_until,
    coalesce(w.window_end, greatest(b.first_window, a.valid_from)) AS owed_from,
    b.first_window IS NOT NULL AS read, round(s.score, 6) AS score, round(s.score_7, 6) AS score_7,
    coalesce(h.rows, 0) AS held
FROM asked a
LEFT JOIN began b USING (dataset)
LEFT JOIN ops.watermarks w USING (dataset, source)
LEFT JOIN scored s USING (dataset, source)
LEFT JOIN held h USING (dataset, source)
