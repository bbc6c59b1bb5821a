-- purpose: the scorecard of one source: each dataset and dimension on the newest measured day, and its means over the
--          7 and 30 days up to it
-- reads:   marts.quality
-- writes:  nothing
-- run by:  console.queries.scorecard

WITH newest AS (
    SELECT wanted.dataset, n.day
    FROM unnest(%(datasets)s::text[]) AS wanted (dataset)
    CROSS JOIN LATERAL (
        SELECT max(day) AS day FROM marts.quality WHERE dataset = wanted.dataset AND source = %(source)s
    ) n
    WHERE n.day IS NOT NULL
)
SELECT n.dataset, n.day, q.dimension, max(q.score) FILTER (WHERE q.day = n.day) AS score,
    round(avg(q.score) FILTER (WHERE q.day > n.day - 7), 6) AS score_7, round(avg(q.score), 6) AS score_30
FROM newest n
JOIN marts.quality q ON q.dataset = n.dataset AND q.source = %(source)s AND q.day > n.day - 30 AND q.day <= n.day
GROUP BY n.dataset, n.day, q.dimension
