-- purpose: land the chosen held rows of a window again; rows that one rule of uniqueness holds come all together
-- reads:   quarantine.rows, core of other datasets
-- writes:  the run's landing table; line 0 tells them from what the sources gave
-- run by:  warehouse.quarantine.land_held

WITH chosen AS (
    SELECT q.record_key, q.rules
    FROM quarantine.rows q
    WHERE q.dataset = %(dataset)s AND q.state = 'open' AND q.window_start = %(window_start)s AND {chosen}
)
INSERT INTO {landing} (_source, _line, _held_key, _held_place, _held_run, _held_time, {columns})
SELECT q.source, 0, q.record_key, q.place, q.last_run, q.source_time, {values}
FROM quarantine.rows q
WHERE q.dataset = %(dataset)s AND q.state = 'open' AND q.window_start = %(window_start)s
  AND (q.record_key IN (SELECT c.record_key FROM chosen c)
       OR q.rules && ARRAY(SELECT DISTINCT r FROM chosen c, unnest(c.rules) r WHERE r = ANY (%(unique)s)))
