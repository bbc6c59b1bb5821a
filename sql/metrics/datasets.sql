-- purpose: how fresh each dataset is, what it owes, what it holds back, and how its runs went: one row a dataset
-- reads:   ops.runs, ops.batches, ops.watermarks, quarantine.rows
-- writes:  nothing
-- run by:  metrics.measured

-- The sources of a dataset are those of its newest window, so a unit that has ended is not waited for. A window is
-- missing while the newest word about a source of it is that it did not come; of a dataset that is read whole a later
-- window makes up for it.
WITH named AS (
    SELECT dataset, latency, whole
    FROM unnest(%(datasets)s::text[], %(latencies)s::interval[], %(whole)s::boolean[]) AS n (dataset, latency, whole)
), began AS (
    SELECT dataset, min(window_start) AS first_window, max(window_start) AS newest
    FROM ops.runs
    WHERE kind = 'read'
    GROUP BY dataset
), asked AS (
    SELECT DISTINCT r.dataset, b.source
    FROM began n
    JOIN ops.runs r ON (r.dataset, r.window_start) = (n.dataset, n.newest) AND r.kind = 'read'
    JOIN ops.batches b USING (run_id)
    WHERE b.source <> %(waiting)s
), fresh AS (
    SELECT n.dataset, count(*) AS sources, count(*) FILTER (WHERE l.windows > 0) AS sources_late,
        sum(l.windows) AS windows_late, max(w.window_end) AS newest_end,
        CASE WHEN bool_and(w.window_end IS NOT NULL) THEN min(w.window_end) ELSE min(b.first_window) END AS worst_end
    FROM named n
    JOIN began b USING (dataset)
    JOIN asked a USING (dataset)
    LEFT JOIN ops.watermarks w USING (dataset, source)
    CROSS JOIN LATERAL (
        SELECT greatest(0, ceil(extract(epoch FROM
            ops.moment() - coalesce(w.window_end, b.first_window) - interval '1 day' - n.latency) / 86400)) AS windows
    ) l
    GROUP BY n.dataset
), missing AS (
    SELECT r.dataset, count(DISTINCT (r.window_start, b.source)) AS windows
    FROM ops.batches b
    JOIN ops.runs r USING (run_id)
    JOIN named n USING (dataset)
    LEFT JOIN ops.watermarks w ON w.dataset = r.dataset AND w.source = b.source
    WHERE b.state = 'missing' AND r.kind = 'read' AND NOT (n.whole AND coalesce(w.window_end >= r.window_end, false))
      AND NOT EXISTS (
        SELECT
        FROM ops.runs l
        JOIN ops.batches x USING (run_id)
        WHERE l.dataset = r.dataset AND l.window_start = r.window_start AND l.kind = 'read' AND l.run_id > r.run_id
          AND x.source = b.source AND x.state IN ('landed', 'blocked')
      )
    GROUP BY r.dataset
), held AS (
    SELECT dataset, count(*) AS rows FROM quarantine.rows WHERE state = 'open' GROUP BY dataset
), done AS (
    SELECT dataset, count(*) FILTER (WHERE state = 'promoted' AND kind = 'read') AS runs,
        sum(extract(epoch FROM closed_at - opened_at)) FILTER (WHERE state = 'promoted' AND kind = 'read') AS seconds,
        (array_agg(extract(epoch FROM closed_at - opened_at) ORDER BY closed_at DESC)
            FILTER (WHERE state = 'promoted' AND kind = 'read'))[1] AS newest_seconds,
        extract(epoch FROM clock_timestamp() - min(opened_at) FILTER (WHERE state = 'open')) AS open_seconds,
        coalesce(sum(extracted), 0) AS extracted, coalesce(sum(inserted), 0) AS inserted,
        coalesce(sum(updated), 0) AS updated, coalesce(sum(unchanged), 0) AS unchanged,
        coalesce(sum(superseded), 0) AS superseded, coalesce(sum(quarantined), 0) AS quarantined,
        coalesce(sum(deleted), 0) AS deleted
    FROM ops.runs
    GROUP BY dataset
)
SELECT n.dataset, coalesce(f.sources, 0) AS sources, coalesce(f.sources_late, 0) AS sources_late,
    coalesce(f.windows_late, 0) AS windows_late, coalesce(m.windows, 0) AS windows_missing,
    extract(epoch FROM ops.moment() - f.newest_end) AS newest_age,
    extract(epoch FROM ops.moment() - f.worst_end) AS worst_age,
    coalesce(h.rows, 0) AS held, coalesce(d.runs, 0) AS runs, coalesce(d.seconds, 0) AS seconds, d.newest_seconds,
    coalesce(d.open_seconds, 0) AS open_seconds, coalesce(d.extracted, 0) AS extracted,
    coalesce(d.inserted, 0) AS inserted, coalesce(d.updated, 0) AS updated, coalesce(d.unchanged, 0) AS unchanged,
    coalesce(d.superseded, 0) AS superseded, coalesce(d.quarantined, 0) AS quarantined,
    coalesce(d.deleted, 0) AS deleted
FROM named n
LEFT JOIN fresh f USING (dataset)
LEFT JOIN missing m USING (dataset)
LEFT JOIN held h USING (dataset)
LEFT JOIN done d USING (dataset)
ORDER BY n.dataset
