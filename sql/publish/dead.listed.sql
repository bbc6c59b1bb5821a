-- purpose: what receivers refused for good, by dataset and the receiver's words, with some of the record keys
-- reads:   publish.outbox
-- writes:  nothing
-- run by:  publishing.dead

-- mark names the words in a form, which may not hold every character that a receiver writes
SELECT d.endpoint, d.dataset, coalesce(d.reason, '') AS reason, md5(coalesce(d.reason, '')) AS mark, count(*) AS count,
    count(*) FILTER (WHERE NOT d.overtaken) AS due, max(d.settled_at) AS newest,
    (array_agg(d.record_key ORDER BY d.record_key))[1:%(keys)s] AS keys
FROM (
    SELECT o.endpoint, o.dataset, o.reason, o.settled_at, o.record_key, EXISTS (
        SELECT FROM publish.outbox n
        WHERE n.endpoint = o.endpoint AND n.dataset = o.dataset AND n.record_key = o.record_key
          AND n.version > o.version
    ) AS overtaken
    FROM publish.outbox o
    WHERE o.state = 'dead' AND (%(endpoint)s = '' OR o.endpoint = %(endpoint)s)
) AS d
GROUP BY d.endpoint, d.dataset, coalesce(d.reason, '')
ORDER BY d.endpoint, count(*) DESC, d.dataset, coalesce(d.reason, '')
LIMIT %(most)s
