-- purpose: whether tasks still write and records still leave: seconds since the newest entry, seconds of the oldest wait
-- reads:   ops.clock, ops.runs, publish.calls, publish.outbox, marts.indicator_state
-- writes:  nothing
-- run by:  metrics.health

-- Where a clock is set, time stands still and so do the schedules: that no task runs is no sign of trouble there.
SELECT
    CASE WHEN EXISTS (SELECT FROM ops.clock) THEN NULL ELSE extract(epoch FROM clock_timestamp() - greatest(
        (SELECT greatest(max(opened_at), max(judged_at), max(closed_at)) FROM ops.runs),
        (SELECT max(started_at) FROM publish.calls),
        (SELECT max(refreshed_at) FROM marts.indicator_state))) END AS ledger_age,
    coalesce((
        SELECT extract(epoch FROM clock_timestamp() - min(enqueued_at))
        FROM publish.outbox
        WHERE state IN ('pending', 'claimed', 'in_doubt') AND next_attempt_at < 'infinity'
    ), 0) AS oldest
