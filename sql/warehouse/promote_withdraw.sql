-- purpose: close the held rows that their source, read again for the same window, no longer gives; a source that is
--          read whole says so of every window before its newest
-- reads:   held, ops.watermarks
-- writes:  quarantine.rows
-- run by:  warehouse.promote, for runs that read sources, with the sources that landed; after the watermarks

UPDATE quarantine.rows q
SET state = 'withdrawn', closed_at = ops.moment()
WHERE q.dataset = %(dataset)s AND q.state = 'open' AND q.source = ANY (%(landed)s)
  AND (
      q.window_start = %(window_start)s AND NOT EXISTS (
          SELECT FROM held h WHERE h._source = q.source AND h.record_key = q.record_key AND h.place = q.place
      )
      OR %(whole)s AND EXISTS (
          SELECT FROM ops.watermarks w
          WHERE w.dataset = q.dataset AND w.source = q.source AND w.window_end > q.window_end
      )
  )
