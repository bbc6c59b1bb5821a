-- purpose: what the judge found about the sources of one run, as far as it is each source's newest window
-- reads:   ops.batches, ops.runs, ops.verdicts, ops.verdict_sources, the run's marks
-- writes:  nothing; the tables looked and found for problems_settle
-- run by:  warehouse.problems.note_verdict

newest AS (
    SELECT b.source, b.state, b.rows, r.window_start
    FROM ops.batches b
    JOIN ops.runs r USING (run_id)
    WHERE b.run_id = %(run_id)s AND r.kind = 'read' AND b.state IN ('landed', 'blocked') AND b.source <> %(waiting)s
      AND NOT EXISTS (
          SELECT FROM ops.runs later
          JOIN ops.batches tried ON tried.run_id = later.run_id AND tried.source = b.source
          WHERE later.dataset = %(dataset)s AND later.kind = 'read' AND later.judged_at IS NOT NULL
            AND (later.window_start, later.run_id) > (r.window_start, r.run_id)
            AND tried.state IN ('landed', 'blocked')
      )
),
-- What came after the last digest stays until it was told: a later window, of a Sunday perhaps, does not hide it.
looked AS (
    SELECT k.kind, n.source
    FROM newest n
    CROSS JOIN (VALUES ('blocked'), ('warnings')) k (kind)
    WHERE NOT EXISTS (
        SELECT FROM ops.problems p
        WHERE p.kind = k.kind AND p.dataset = %(dataset)s AND p.source = n.source AND p.closed_at IS NULL
          AND p.last_window < n.window_start AND p.last_seen_at > (SELECT max(composed_at) FROM ops.digests)
    )
),
warned AS (
    SELECT m._source AS source, count(*) AS rows FROM {marks} m WHERE m.warned <> 0 GROUP BY 1
),
numbered AS (
    SELECT m._source AS source, w.rule, m._record_key AS record_key,
           row_number() OVER (PARTITION BY m._source, w.rule ORDER BY m._row) AS place
    FROM {marks} m
    JOIN unnest(%(warning)s::text[]) WITH ORDINALITY w (rule, place) ON m.warned & (1::bigint << (w.place::int - 1)) <> 0
    WHERE m.warned <> 0 AND m._record_key IS NOT NULL
),
keys AS (
    SELECT source, rule, jsonb_agg(record_key ORDER BY place) AS keys FROM numbered WHERE place <= 10 GROUP BY 1, 2
),
broken AS (
    SELECT
        CASE v.severity WHEN 'warn' THEN 'warnings' ELSE 'blocked' END AS kind,
        s.source,
        jsonb_object_agg(s.rule, s.failing) AS rules,
        coalesce(jsonb_object_agg(s.rule, k.keys) FILTER (WHERE k.keys IS NOT NULL), '{{}}') AS keys
    FROM ops.verdict_sources s
    JOIN ops.verdicts v USING (run_id, rule)
    LEFT JOIN keys k USING (source, rule)
    WHERE s.run_id = %(run_id)s AND s.failing > 0
    GROUP BY 1, 2
),
found AS (
    SELECT
        k.kind,
        n.source,
        coalesce(least(p.first_window, n.window_start), n.window_start) AS first_window,
        n.window_start AS last_window,
        CASE k.kind WHEN 'blocked' THEN n.rows ELSE coalesce(w.rows, 0) END AS count,
        jsonb_build_object('rules', coalesce(b.rules, '{{}}'), 'keys', coalesce(b.keys, '{{}}')) AS details
    FROM newest n
    CROSS JOIN (VALUES ('blocked'), ('warnings')) k (kind)
    LEFT JOIN broken b ON b.kind = k.kind AND b.source = n.source
    LEFT JOIN warned w ON w.source = n.source
    LEFT JOIN ops.problems p
        ON p.kind = k.kind AND p.dataset = %(dataset)s AND p.source = n.source AND p.closed_at IS NULL
    WHERE CASE k.kind WHEN 'blocked' THEN n.state = 'blocked' ELSE b.source IS NOT NULL END
)
