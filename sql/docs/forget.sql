-- purpose: drop Great Expectations' own results of days whose pages are gone
-- reads:   ops.runs
-- writes:  ops.validations
-- run by:  quality.docs

DELETE FROM ops.validations v
USING ops.runs r
WHERE r.run_id = v.run_id
  AND (r.window_start AT TIME ZONE %(timezone)s)::date < %(oldest)s::date
  AND (r.window_start AT TIME ZONE %(timezone)s)::date <> ALL (%(days)s::date[])
