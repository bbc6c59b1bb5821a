-- purpose: dossiers of a unit by the days on which they came, are due and ended: enough to replay any past day
-- reads:   the facts of the index, publish.receipts
-- writes:  nothing
-- run by:  indicators.index766.forecasting

-- late: ended late. due_on is the last day within time; null: it is never late. A result shows from the day of the end.
WITH facts AS MATERIALIZED ({facts}),
heard AS MATERIALIZED (
    -- A semi-join: few facts are looked up one by one, many are met by one walk along receipts_by_record.
    SELECT ma_ho_so FROM facts
    WHERE EXISTS (
        SELECT FROM publish.receipts r
        WHERE r.endpoint = %(endpoint)s AND r.dataset = 'ho_so' AND r.outcome = 'accepted'
          AND r.record_key = facts.ma_ho_so
    )
)
SELECT received_on, within_until::date AS due_on, ended_at::date AS ended_on, national = 'late' AS late,
    count(*) AS received,
    count(*) FILTER (WHERE results_due) AS results_due,
    count(*) FILTER (WHERE e_results) AS e_results,
    count(*) FILTER (WHERE digitised) AS digitised,
    count(*) FILTER (WHERE reused) AS reused,
    count(*) FILTER (WHERE synced_personal) AS synced_personal,
    count(*) FILTER (WHERE citizen_data) AS citizen_data,
    count(*) FILTER (WHERE with_fee) AS with_fee,
    count(*) FILTER (WHERE paid_online) AS paid_online,
    count(*) FILTER (WHERE online_dossiers AND NOT online_at_once) AS online_on_end,
    count(*) FILTER (WHERE online_at_once) AS online_at_once,
    count(*) FILTER (WHERE h.ma_ho_so IS NOT NULL) AS sync_dossiers
FROM facts f
LEFT JOIN heard h USING (ma_ho_so)
WHERE NOT %(synchronised)s OR h.ma_ho_so IS NOT NULL
GROUP BY 1, 2, 3, 4
ORDER BY 1, 2, 3, 4
