-- purpose: what became of the newest version of every record of one dataset towards one endpoint, each counted once
-- reads:   core, publish.outbox, publish.receipts
-- writes:  nothing
-- run by:  reconcile.inside

-- One statement, so that it sees one state: a promote or a settlement in between cannot make a record count twice.
WITH accepted AS MATERIALIZED (
    SELECT DISTINCT r.record_key, r.version FROM publish.receipts r
    WHERE r.endpoint = %(endpoint)s AND r.dataset = %(dataset)s AND r.outcome = 'accepted'
), newest AS (
    SELECT c._record_key AS record_key, c._version AS version,
        CASE
            WHEN o.state = 'done' THEN CASE WHEN a.record_key IS NULL THEN 'unaccounted' ELSE 'accepted' END
            WHEN o.state IN ('claimed', 'in_doubt') THEN 'on_the_way'
            WHEN o.state = 'pending' AND o.next_attempt_at = 'infinity' THEN 'held_back'
            -- the two questions below are asked of few rows, row by row
            WHEN o.state = 'pending' AND %(parent)s::text IS NOT NULL AND NOT coalesce((
                SELECT true FROM publish.receipts p
                WHERE p.endpoint = %(endpoint)s AND p.dataset = %(parent)s AND p.record_key = o.order_key
                  AND p.outcome = 'accepted'
                LIMIT 1
            ), false) THEN 'waiting_parent'
            WHEN o.state = 'pending' THEN 'on_the_way'
            WHEN o.state = 'dead' THEN 'refused'
            -- a record that was gone before the dataset was bound to the endpoint left nothing to be told
            WHEN c._deleted_at IS NOT NULL AND o.state = 'superseded' AND NOT %(deletions)s THEN 'not_told'
            WHEN c._deleted_at IS NOT NULL AND o.state IS NULL AND NOT coalesce((
                SELECT true FROM publish.outbox b
                WHERE b.endpoint = %(endpoint)s AND b.dataset = %(dataset)s AND b.record_key = c._record_key
                LIMIT 1
            ), false) THEN 'not_told'
            ELSE 'unaccounted'
        END AS fate
    FROM {core} c
    LEFT JOIN publish.outbox o ON o.endpoint = %(endpoint)s AND o.dataset = %(dataset)s
        AND o.record_key = c._record_key AND o.version = c._version
    LEFT JOIN accepted a ON a.record_key = c._record_key AND a.version = c._version
)
SELECT fate, count(*) AS n,
    coalesce(array_agg(record_key) FILTER (WHERE fate = 'unaccounted'), '{{}}') AS keys,
    coalesce(array_agg(version) FILTER (WHERE fate = 'unaccounted'), '{{}}') AS versions
FROM newest
GROUP BY fate
