-- purpose: what each dossier of a period counts for in the index, from the rows of facts given, seen at the end given
-- reads:   the rows given, core.ho_so, core.thu_tuc
-- writes:  nothing
-- run by:  indicators.index766, as a part of the other statements of the index

-- The Boolean columns are counters that the dossier adds 1 to. What is said of it here is what the portal can read in
-- the record that national_portal.ho_so.sql sends: 4.2 asks for a paper and a result, 4.3 for HoSoCoThanhPhanSoHoa, 4.5
-- takes the store for a proof of identity, 3.6 leaves out procedures without a fee and dossiers that pay 0. Open
-- dossiers count as on time while they are within time at the end. Nothing links a complaint to its dossier, so only
-- the late are taken off satisfied. The two flags that the marts do not keep are read as core has them today.
SELECT d.ma_ho_so, d.ma_don_vi, d.level_sum, d.ma_tthc, d.received_on, d.known_from,
    true AS received,
    o.on_time,
    d.result_due AS results_due,
    d.e_result AS e_results,
    (d.digitised OR d.from_store OR coalesce(c.giay_to_tai_su_dung::text = '1', false)) AND d.e_result AS digitised,
    d.digitised AS reused,
    d.from_store AS synced_personal,
    d.vneid OR d.from_store AS citizen_data,
    o.owes AS with_fee,
    o.owes AND d.paid_online AS paid_online,
    d.online AND (d.e_result OR t.ma_ket_qua IS NULL) AS online_dossiers,
    d.online AND t.ma_ket_qua IS NULL AS online_at_once,
    true AS online_dossiers_of,
    o.on_time AS satisfied,
    true AS satisfied_of,
    true AS sync_dossiers_of,
    o.fee AS fee_procedure, o.fee AND d.has_fee AS fee_told,
    d.ended_at, coalesce(d.open_until, d.due_at) AS within_until, d.national, d.working_minutes
FROM ({rows}) d
LEFT JOIN core.ho_so c ON c._record_key = d.ma_ho_so
LEFT JOIN core.thu_tuc t ON t._record_key = d.ma_tthc
CROSS JOIN LATERAL (
    SELECT coalesce(t.co_phi::text = '1', false) AS fee,
        coalesce(t.co_phi::text = '1', false) AND (d.has_fee OR c.muc_phi IS NULL) AS owes,
        d.national = 'on_time'
            OR d.national = 'open' AND coalesce(d.open_until, 'infinity') >= {end}::date AS on_time
) o
-- Of the days after the end only the headers may be here, and no steps yet.
WHERE d.counted AND d.received_on >= %(first)s AND d.received_on < least(%(next)s, {end}::date)
  AND (%(units)s::text[] = '{{}}' OR %(agency)s = ANY(%(units)s) OR d.ma_don_vi = ANY(%(units)s)
       OR d.level_sum = ANY(%(units)s))
