-- purpose: the windows that one source still owes, by reason: in its newest try of each it was down or had changed; one
--          that is read whole owes none before the newest that it gave
-- reads:   ops.batches, ops.runs, ops.shapes
-- writes:  nothing; the tables looked and found for problems_settle
-- run by:  warehouse.problems.note_source

owed AS (
    SELECT
        CASE b.reason_code WHEN 'nguon_khong_tra_loi' THEN 'source_down' ELSE 'schema_drift' END AS kind,
        b.source, b.reason, s.told, r.window_start
    FROM ops.batches b
    JOIN ops.runs r USING (run_id)
    LEFT JOIN ops.shapes s USING (shape_id)
    WHERE b.source = %(source)s AND b.state = 'missing' AND r.dataset = %(dataset)s AND r.kind = 'read'
      AND NOT EXISTS (
          SELECT FROM ops.runs later
          JOIN ops.batches tried ON tried.run_id = later.run_id AND tried.source = b.source
          WHERE later.dataset = r.dataset AND later.kind = 'read' AND later.window_start = r.window_start
            AND later.run_id > r.run_id AND tried.state <> 'planned'
      )
      AND NOT (%(whole)s AND EXISTS (
          SELECT FROM ops.runs newer
          JOIN ops.batches given ON given.run_id = newer.run_id AND given.source = b.source
          WHERE newer.dataset = r.dataset AND newer.kind = 'read' AND newer.window_start > r.window_start
            AND given.state IN ('landed', 'blocked')
      ))
),
-- Of a source that does not answer nobody can see whether its columns are right again.
looked (kind, source) AS (
    SELECT 'source_down', %(source)s::text
    UNION ALL
    SELECT 'schema_drift', %(source)s::text WHERE NOT EXISTS (SELECT FROM owed WHERE kind = 'source_down')
),
found AS (
    SELECT
        o.kind,
        o.source,
        min(o.window_start) AS first_window,
        max(o.window_start) AS last_window,
        0::bigint AS count,
        jsonb_build_object(
            'windows', count(*), 'reason', (array_agg(o.reason ORDER BY o.window_start DESC))[1]
        ) || coalesce((array_agg(o.told ORDER BY o.window_start DESC))[1], '{{}}') AS details
    FROM owed o
    GROUP BY 1, 2
)
