-- purpose: the score of one source day by day: of each dataset and day the mean of its dimensions, the oldest first
-- reads:   marts.quality
-- writes:  nothing
-- run by:  console.history

SELECT w.dataset, q.day, avg(q.score) AS score
FROM unnest(%(datasets)s::text[]) AS w (dataset)
CROSS JOIN LATERAL (
    SELECT max(day) AS day FROM marts.quality WHERE dataset = w.dataset AND source = %(source)s
) AS n
JOIN marts.quality q ON q.dataset = w.dataset AND q.source = %(source)s AND q.day > n.day - %(days)s AND q.day <= n.day
WHERE q.score IS NOT NULL
GROUP BY w.dataset, q.day
ORDER BY w.dataset, q.day
