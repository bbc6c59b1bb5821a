-- purpose: every record of which the other holder's version is not ours, with what is different about it
-- reads:   the holder's typed rows, core, history, publish.outbox
-- writes:  temporary table difference
-- run by:  warehouse.counterpart.compare

CREATE TEMPORARY TABLE difference ON COMMIT DROP AS
WITH theirs AS (
    -- A holder that gives a key twice is heard once; which of the two is as good as the other.
    SELECT DISTINCT ON (record_key) *
    FROM (SELECT {record_key} AS record_key, t.* FROM {typed} t) k
    WHERE record_key IS NOT NULL
    ORDER BY record_key, _row
)
SELECT
    coalesce(c._record_key, t.record_key) AS record_key,
    CASE
        WHEN t.record_key IS NULL THEN 'missing'
        WHEN c._record_key IS NULL THEN 'extra'
        WHEN c._deleted_at IS NOT NULL THEN 'behind'
        WHEN EXISTS (SELECT FROM {history} h WHERE h._record_key = t.record_key AND {same_as_history}) THEN 'behind'
        ELSE 'changed'
    END AS kind,
    CASE WHEN t.record_key IS NULL OR c._record_key IS NULL OR c._deleted_at IS NOT NULL THEN '{{}}'
         ELSE array_remove(ARRAY[{differing}], NULL) END AS columns,
    CASE WHEN t.record_key IS NOT NULL THEN {raw} END AS theirs,
    c._version AS our_version,
    -- The holder's list was read from then on: whatever we took in or it took from us since may be missing in it.
    coalesce(greatest(c._loaded_at, c._deleted_at) >= %(started)s, false) OR EXISTS (
        SELECT FROM publish.outbox o
        WHERE o.dataset = %(dataset)s AND o.endpoint = ANY (%(endpoints)s)
          AND o.record_key = coalesce(c._record_key, t.record_key)
          AND (o.state IN ('pending', 'claimed', 'in_doubt', 'dead')
               OR o.state = 'done' AND o.settled_at >= %(started)s)
          AND o.version = c._version
    ) AS on_the_way
FROM theirs t
FULL JOIN {core} c ON c._record_key = t.record_key
WHERE CASE
    WHEN t.record_key IS NULL THEN c._deleted_at IS NULL
    WHEN c._record_key IS NULL OR c._deleted_at IS NOT NULL THEN true
    ELSE NOT ({same_as_core})
END
