-- purpose: move the source time of records that were touched at their source without a change of content
-- reads:   delta
-- writes:  core; no new version, nothing to publish; where the time is a column of the dataset, a change for readers
-- run by:  warehouse.promote

UPDATE {core} c
SET _source_time = g._source_time{touched}
FROM delta g
WHERE c._record_key = g._record_key AND g._action = 'unchanged' AND g._source_time > c._source_time
