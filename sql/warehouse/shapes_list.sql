-- purpose: the shapes of the sources: the newest accepted one of each, and those that wait, newest first
-- reads:   ops.shapes
-- writes:  nothing
-- run by:  warehouse.shapes.listed

SELECT s.shape_id, s.dataset, s.source, s.kind, s.columns, s.told, s.first_seen_at, s.seen_at, s.accepted_at,
       s.accepted_by, s.reason
FROM ops.shapes s
WHERE (%(dataset)s = '' OR s.dataset = %(dataset)s) AND (%(source)s = '' OR s.source = %(source)s)
  AND NOT EXISTS (
      SELECT FROM ops.shapes newer
      WHERE newer.dataset = s.dataset AND newer.source = s.source AND newer.accepted_at IS NOT NULL
        AND CASE WHEN s.accepted_at IS NULL
                 -- what was seen last is what the source has now, unless it was read again for an older window
                 THEN newer.seen_at > s.seen_at AND newer.seen_until >= s.seen_until
                 ELSE (newer.accepted_at, newer.shape_id) > (s.accepted_at, s.shape_id) END
  )
ORDER BY s.dataset, s.source, s.accepted_at IS NOT NULL, s.seen_at DESC, s.shape_id DESC
