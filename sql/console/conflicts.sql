-- purpose: the records that another holder holds otherwise, counted by how they differ and in which columns
-- reads:   quarantine.conflicts, but not the holder's version
-- writes:  nothing
-- run by:  console.queries.conflicts

SELECT kind, columns, count(*) AS count, min(first_seen) AS since
FROM quarantine.conflicts
WHERE dataset = %(dataset)s AND holder = %(holder)s AND closed_at IS NULL
GROUP BY kind, columns
ORDER BY count(*) DESC, kind, columns
LIMIT %(most)s
