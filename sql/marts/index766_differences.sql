-- purpose: dossiers that count otherwise here than in what the portal can hold, by unit, part of the index and cause
-- reads:   marts.dossiers(_history), publish.receipts, publish.outbox, core.ho_so, core.thu_tuc
-- writes:  nothing
-- run by:  indicators.index766.comparing

-- What the portal can hold of a dossier: nothing before it accepted it; its state before the last change while that
-- change, or a step of it, has not been accepted; else what was known here when the snapshot was taken.
WITH now AS MATERIALIZED ({now}),
taken AS MATERIALIZED ({taken}),
heard AS MATERIALIZED (
    SELECT record_key, max(version) AS version FROM publish.receipts
    WHERE endpoint = %(endpoint)s AND dataset = 'ho_so' AND outcome = 'accepted'
    GROUP BY 1
), newest AS MATERIALIZED (
    SELECT DISTINCT ON (record_key) record_key, version, state FROM publish.outbox
    WHERE endpoint = %(endpoint)s AND dataset = 'ho_so' AND state IN ('pending', 'claimed', 'in_doubt', 'dead')
    ORDER BY record_key, version DESC
), refused AS MATERIALIZED (
    SELECT DISTINCT ON (record_key) record_key, message FROM publish.receipts
    WHERE endpoint = %(endpoint)s AND dataset = 'ho_so' AND outcome = 'refused'
      AND record_key IN (SELECT record_key FROM newest WHERE state = 'dead')
    ORDER BY record_key, place DESC
), steps AS MATERIALIZED (
    SELECT DISTINCT order_key FROM publish.outbox
    WHERE endpoint = %(endpoint)s AND dataset = 'tien_trinh' AND state IN ('pending', 'claimed', 'in_doubt', 'dead')
), before AS MATERIALIZED ({before}),
caused AS (
    SELECT ma_ho_so,
        CASE
            WHEN h.record_key IS NULL THEN CASE
                WHEN o.state = 'dead' THEN 'refused'
                WHEN o.state = 'in_doubt' THEN 'in_doubt'
                WHEN o.state IN ('pending', 'claimed') THEN 'pending'
                ELSE 'unsent'
            END
            WHEN o.version > h.version AND o.state = 'dead' THEN 'change_refused'
            WHEN o.version > h.version AND o.state IN ('pending', 'claimed', 'in_doubt') THEN 'change_waits'
            WHEN s.order_key IS NOT NULL THEN 'steps_wait'
            WHEN t.known_from IS NULL THEN 'new_since'
            WHEN n.known_from IS NULL THEN 'gone_since'
            WHEN n.known_from <> t.known_from THEN 'restated'
            ELSE 'time_passed'
        END AS cause,
        CASE WHEN o.state = 'dead' THEN left(r.message, 200) ELSE '' END AS said,
        coalesce(n.ma_don_vi, t.ma_don_vi) AS ma_don_vi, coalesce(n.level_sum, t.level_sum) AS level_sum
    FROM now n
    FULL JOIN taken t USING (ma_ho_so)
    LEFT JOIN heard h ON h.record_key = ma_ho_so
    LEFT JOIN newest o ON o.record_key = ma_ho_so
    LEFT JOIN refused r ON r.record_key = ma_ho_so
    LEFT JOIN steps s ON s.order_key = ma_ho_so
    -- The other dossiers count the same on both sides.
    WHERE n.known_from IS DISTINCT FROM t.known_from OR n.on_time <> t.on_time OR h.record_key IS NULL
       OR o.version > h.version OR s.order_key IS NOT NULL
), counted AS (
    SELECT c.ma_ho_so, c.ma_don_vi, c.level_sum, c.cause, c.said, v.code,
        coalesce(v.own_n, false)::int - coalesce(v.their_n, false)::int AS numerator,
        coalesce(v.own_d, false)::int - coalesce(v.their_d, false)::int AS denominator
    FROM caused c
    LEFT JOIN now n USING (ma_ho_so)
    LEFT JOIN taken t ON t.ma_ho_so = c.ma_ho_so AND c.cause IN ('new_since', 'gone_since', 'restated', 'time_passed')
    LEFT JOIN before b ON b.ma_ho_so = c.ma_ho_so AND c.cause IN ('change_refused', 'change_waits', 'steps_wait')
    CROSS JOIN LATERAL (VALUES {parts}) v (code, own_n, own_d, their_n, their_d)
    WHERE c.cause IN ('refused', 'in_doubt', 'pending', 'unsent') AND n.ma_ho_so IS NOT NULL
       OR c.cause IN ('new_since', 'gone_since', 'restated', 'time_passed')
       -- Without a state before the last change its effect is not known, and none is claimed.
       OR b.ma_ho_so IS NOT NULL
)
SELECT ma_don_vi, level_sum, code, cause, coalesce(said, '') AS said, count(*) AS dossiers,
    sum(numerator) AS numerator, sum(denominator) AS denominator,
    (array_agg(ma_ho_so ORDER BY ma_ho_so))[:%(shown)s] AS examples
FROM counted
WHERE numerator <> 0 OR denominator <> 0
GROUP BY 1, 2, 3, 4, 5
