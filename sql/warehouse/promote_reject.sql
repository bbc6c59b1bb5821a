-- purpose: set aside every rejected row as received, with the rules it breaks; a newer rejection replaces an older
-- reads:   the run's landing and marks
-- writes:  quarantine.rows
-- run by:  warehouse.promote

WITH bad AS (
    SELECT
        m._source,
        coalesce(m._record_key, 'row:' || md5(r.raw::text)) AS record_key,
        m._source_time,
        r.raw,
        array_remove(ARRAY[{broken}, CASE WHEN m._source = ANY (%(blocked)s) THEN 'nguon_bi_chan' END], NULL) AS rules
    FROM {marks} m
    JOIN {landing} l USING (_row)
    CROSS JOIN LATERAL (SELECT jsonb_build_object({raw}) AS raw) r
    WHERE m.mask & %(rejecting)s <> 0 OR m._source = ANY (%(blocked)s)
)
INSERT INTO quarantine.rows AS q
    (dataset, source, record_key, place, raw, rules, source_time, first_run, last_run)
SELECT
    %(dataset)s, _source, record_key,
    row_number() OVER (PARTITION BY _source, record_key ORDER BY raw::text),
    raw, rules, _source_time, %(run_id)s, %(run_id)s
FROM bad
ON CONFLICT (dataset, source, record_key, place) DO UPDATE
SET raw = excluded.raw, rules = excluded.rules, source_time = excluded.source_time, state = 'open',
    last_seen = clock_timestamp(), last_run = excluded.last_run, closed_at = NULL
WHERE q.source_time <= excluded.source_time
  AND (q.raw, q.rules) IS DISTINCT FROM (excluded.raw, excluded.rules)
