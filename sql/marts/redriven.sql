-- purpose: held rows that this redrive judged again, by the dimensions that they no longer break; '' counts those
--          that are let in. A waived row still breaks what it broke; what a held row breaks anew is not counted.
-- reads:   the run's landing and marks, quarantine.rows as they are before the promote
-- writes:  ops.redriven
-- run by:  quality.dimensions.record, in the transaction of the verdict

WITH again AS (
    SELECT m._source, m.broken | m.waived AS broken, m.broken = 0 AS let_in, m.warned, q.rules
    FROM {marks} m
    JOIN {landing} l USING (_row)
    JOIN quarantine.rows q ON q.dataset = %(dataset)s AND q.source = m._source AND q.record_key = l._held_key
        AND q.place = l._held_place
    WHERE m._line = 0
)
INSERT INTO ops.redriven (run_id, source, dimension, rows)
SELECT %(run_id)s, _source, '', count(*)
FROM again
WHERE let_in
GROUP BY _source
UNION ALL
SELECT %(run_id)s, a._source, d.dimension, count(*)
FROM again a
CROSS JOIN unnest(%(dimensions)s::text[], %(rejecting)s::bigint[], %(warning)s::bigint[])
    AS d (dimension, rejecting, warning)
WHERE a.broken & d.rejecting = 0 AND a.warned & d.warning = 0
  AND EXISTS (
      SELECT FROM unnest(%(rules)s::text[], %(rule_dimensions)s::text[]) AS k (rule, dimension)
      WHERE k.rule = ANY (a.rules) AND k.dimension = d.dimension
  )
GROUP BY a._source, d.dimension
