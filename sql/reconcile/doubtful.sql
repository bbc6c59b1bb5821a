-- purpose: what one answer of a receiver does not agree with: lacking, shown in another state, or never accepted
-- reads:   accepted, held (temporary tables of the session), publish.receipts
-- writes:  doubtful, a temporary table of the session
-- run by:  reconcile.looking, for each part

INSERT INTO doubtful (record_key, name, kind, fields, version, day)
SELECT a.record_key, a.name, 'missing', '{{}}'::text[], a.version, a.day
FROM accepted a
WHERE NOT a.deleted AND NOT a.gone AND (%(unit)s = '' OR a.unit = %(unit)s)
  AND (%(first)s::date IS NULL OR a.day BETWEEN %(first)s AND %(last)s)
  AND NOT EXISTS (SELECT FROM held h WHERE h.record_key = a.record_key)
UNION ALL
SELECT a.record_key, h.name, 'different', coalesce(f.fields, '{{}}'), a.version, coalesce(a.day, h.day, %(first)s)
FROM held h
JOIN accepted a ON a.record_key = h.record_key
CROSS JOIN LATERAL (
    -- what the receiver does not show, or what the version accepted last left no mark of, cannot differ
    SELECT array_agg((%(fields)s::text[])[i] ORDER BY i) AS fields
    FROM generate_subscripts(h.marks, 1) i
    WHERE h.marks[i] IS NOT NULL AND a.marks[i] IS NOT NULL AND h.marks[i] <> a.marks[i]
) f
WHERE a.deleted OR f.fields IS NOT NULL
UNION ALL
SELECT h.record_key, h.name, 'extra', '{{}}', NULL, coalesce(h.day, %(first)s)
FROM held h
WHERE NOT EXISTS (SELECT FROM accepted a WHERE a.record_key = h.record_key)
  -- asked row by row: as a join it costs the square of a dataset that the statistics do not know yet
  AND NOT coalesce((
    SELECT true FROM publish.receipts r
    WHERE r.endpoint = %(endpoint)s AND r.dataset = %(dataset)s AND r.record_key = h.record_key
      AND r.outcome = 'accepted'
    LIMIT 1
  ), false)
