-- purpose: the version of each record that one endpoint accepted last, with the unit and day by which it is asked for
-- reads:   publish.outbox, core
-- writes:  accepted, a temporary table of the session
-- run by:  reconcile.looking, once for a dataset and run

-- gone: deleted here, which the receiver takes no word of: it may hold the record or not.
INSERT INTO accepted (record_key, name, version, deleted, gone, marks, unit, day)
SELECT DISTINCT ON (o.record_key)
    o.record_key, o.record_key, o.version, o.deleted, c._deleted_at IS NOT NULL AND NOT %(deletions)s,
    string_to_array(nullif(o.mark, ''), '|'), {unit}, {day}
FROM publish.outbox o
LEFT JOIN {core} c ON c._record_key = o.record_key
WHERE o.endpoint = %(endpoint)s AND o.dataset = %(dataset)s AND o.state = 'done'
ORDER BY o.record_key, o.version DESC
