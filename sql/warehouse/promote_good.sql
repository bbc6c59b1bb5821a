-- purpose: the rows that may enter core, with their hash, and what each of them means for core
-- reads:   the run's typed table and marks, core, quarantine.rows
-- writes:  temporary table delta
-- run by:  warehouse.promote, inside the promote transaction

CREATE TEMPORARY TABLE delta ON COMMIT DROP AS
SELECT
    g.*,
    c._version AS _old_version,
    CASE
        -- A source that is read whole has given a newer list: what that one holds neither as good nor as rejected is
        -- no record any more. It is kept in history as the version that never became current.
        WHEN c._version IS NULL AND g._source = ANY (%(overtaken)s) AND NOT EXISTS (
            SELECT FROM quarantine.rows q
            WHERE q.dataset = %(dataset)s AND q.source = g._source AND q.record_key = g._record_key
              AND q.state = 'open' AND q.window_end > %(window_end)s
        ) THEN 'superseded'
        WHEN c._version IS NULL THEN 'inserted'
        WHEN c._row_hash = g._row_hash AND c._deleted_at IS NULL THEN 'unchanged'
        WHEN g._source_time < c._source_time THEN 'superseded'
        ELSE 'updated'
    END AS _action
FROM (
    SELECT
        {columns},
        m._record_key,
        m._source_time,
        t._source,
        t.{order_key}::text AS _order_key,
        md5(ROW({hashed})::text)::uuid AS _row_hash,
        m.waived <> 0 AS _waived
    FROM {typed} t
    JOIN {marks} m USING (_row)
    WHERE m.broken = 0 AND (t._line = 0 OR t._source <> ALL (%(blocked)s))
) g
LEFT JOIN {core} c USING (_record_key)
