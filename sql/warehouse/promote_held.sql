-- purpose: every row of the run's sources that stays out of core, as received, with the rules that it breaks
-- reads:   the run's landing and marks
-- writes:  temporary table held
-- run by:  warehouse.promote, for runs that read sources

CREATE TEMPORARY TABLE held ON COMMIT DROP AS
SELECT
    b.*,
    row_number() OVER (PARTITION BY b._source, b.record_key ORDER BY b.raw::text, b._line)::integer AS place
FROM (
    SELECT
        m._source,
        m._line,
        coalesce(m._record_key, 'row:' || md5(r.raw::text)) AS record_key,
        m._source_time,
        r.raw,
        array_remove(ARRAY[{broken}, CASE WHEN m._source = ANY (%(blocked)s) THEN %(pseudo)s END], NULL) AS rules
    FROM {marks} m
    JOIN {landing} l USING (_row)
    JOIN {typed} t USING (_row)
    CROSS JOIN LATERAL (SELECT {raw} AS raw) r
    -- Of a blocked source read again, what core already holds with the same content is not held a second time.
    WHERE m.broken <> 0 OR m._source = ANY (%(blocked)s) AND NOT EXISTS (
        SELECT FROM {core} c
        WHERE c._record_key = m._record_key AND c._deleted_at IS NULL AND c._row_hash = md5(ROW({hashed})::text)::uuid
    )
) b
