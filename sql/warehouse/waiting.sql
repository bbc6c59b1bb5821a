-- purpose: land again the rejected rows that only waited for a record of another dataset, now there
-- reads:   quarantine.rows, core of the other dataset
-- writes:  the run's landing table; line 0 tells them from what the sources gave
-- run by:  warehouse.landing.land_waiting

INSERT INTO {landing} (_source, _line, {columns})
SELECT q.source, 0, {values}
FROM quarantine.rows q
WHERE q.dataset = %(dataset)s AND q.state = 'open' AND q.rules <@ %(rules)s AND cardinality(q.rules) > 0
  AND {satisfied}
