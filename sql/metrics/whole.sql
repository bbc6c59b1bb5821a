-- purpose: what there is one of: the indicators' age, the ledger's newest entry, backfills, letters; one row
-- reads:   ops.runs, ops.batches, publish.calls, marts.indicator_state, ops.backfills, ops.backfill_parts,
--          ops.backfill_acts, ops.letters
-- writes:  nothing
-- run by:  metrics.measured

-- A backfill moves when somebody acts on it, when a part begins or ends, and when a run of its days goes on.
WITH open_backfills AS (
    SELECT b.backfill_id, greatest(
        b.asked_at,
        (SELECT max(a.at) FROM ops.backfill_acts a WHERE a.backfill_id = b.backfill_id),
        (SELECT greatest(max(p.begun_at), max(p.ended_at))
         FROM ops.backfill_parts p WHERE p.backfill_id = b.backfill_id),
        (SELECT greatest(max(r.opened_at), max(r.judged_at), max(r.closed_at), max(t.read_at))
         FROM ops.runs r LEFT JOIN ops.batches t USING (run_id)
         WHERE r.dataset = ANY (b.datasets) AND r.opened_at >= b.asked_at)
    ) AS moved_at
    FROM ops.backfills b
    WHERE b.state = 'open'
)
SELECT
    (SELECT extract(epoch FROM ops.moment() - refreshed_at) FROM marts.indicator_state) AS indicators_age,
    (SELECT extract(epoch FROM clock_timestamp() - greatest(
        (SELECT greatest(max(opened_at), max(judged_at), max(closed_at)) FROM ops.runs),
        (SELECT max(started_at) FROM publish.calls),
        (SELECT max(refreshed_at) FROM marts.indicator_state)))) AS ledger_age,
    (SELECT count(*) FROM ops.backfills WHERE state = 'open') AS backfills_open,
    (SELECT count(*) FROM ops.backfills WHERE state = 'paused') AS backfills_paused,
    (SELECT count(*) FROM ops.backfill_parts p JOIN ops.backfills b USING (backfill_id)
     WHERE b.state IN ('open', 'paused') AND p.state IN ('waiting', 'running')) AS backfill_parts,
    coalesce((SELECT extract(epoch FROM clock_timestamp() - min(moved_at)) FROM open_backfills), 0) AS backfill_idle,
    (SELECT count(*) FROM ops.letters WHERE state IN ('pending', 'sending')) AS letters_waiting,
    (SELECT count(*) FROM ops.letters WHERE state = 'dead') AS letters_dead
