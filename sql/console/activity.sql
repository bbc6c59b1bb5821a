-- purpose: what people did: backfills, waivers, rows judged or sent again, pledges, accepted structures; newest first
-- reads:   ops.acts, ops.backfill_acts, quarantine.waivers, ops.problems, ops.shapes, ops.runs
-- writes:  nothing
-- run by:  console.activity

SELECT a.*, count(*) OVER () AS total
FROM (
    SELECT at, by, CASE WHEN act = 'resend' AND place = 'alerts' THEN 'letter' ELSE act END AS act,
        CASE act WHEN 'looked' THEN 'held' ELSE 'act' END AS kind, dataset, place, subject, count, reason
    FROM ops.acts
    UNION ALL
    SELECT b.at, b.by, b.act, 'backfill', array_to_string(f.datasets, ', '), array_to_string(f.units, ', '),
        b.backfill_id::text, 0, ''
    FROM ops.backfill_acts b
    JOIN ops.backfills f USING (backfill_id)
    UNION ALL
    SELECT granted_at, granted_by, 'waived', 'waiver', dataset, source, record_key, 0, reason FROM quarantine.waivers
    UNION ALL
    SELECT revoked_at, revoked_by, 'revoked', 'waiver', dataset, source, record_key, 0, ''
    FROM quarantine.waivers WHERE revoked_at IS NOT NULL
    UNION ALL
    -- a pledge that ends when it is given takes one back
    SELECT acknowledged_at, acknowledged_by,
        CASE WHEN acknowledged_until <= acknowledged_at THEN 'unpledged' ELSE 'pledged' END, 'problem', dataset, source,
        problem_id::text, 0, coalesce(acknowledgement, '')
    FROM ops.problems WHERE acknowledged_by IS NOT NULL
    UNION ALL
    SELECT accepted_at, accepted_by, 'accepted', 'shape', dataset, source, '', 0, reason
    FROM ops.shapes WHERE accepted_at IS NOT NULL AND accepted_by <> 'pipeline'
) AS a
WHERE (%(by)s = '' OR a.by = %(by)s) AND (%(act)s = '' OR a.act = %(act)s)
ORDER BY a.at DESC, a.kind, a.subject
LIMIT %(most)s OFFSET %(skip)s
