-- purpose: records that a receiver must know by name, if its look-up works: those that its list shows, else any accepted
-- reads:   held, accepted, doubtful (temporary tables of the session)
-- writes:  nothing
-- run by:  reconcile.looking, where a part lacks something

-- Of the others a few from all over, because what is lost is often of the same days.
(
    SELECT a.name FROM held h JOIN accepted a USING (record_key)
    WHERE NOT a.deleted AND NOT a.gone
    LIMIT %(most)s
)
UNION ALL
(
    SELECT a.name FROM accepted a
    WHERE NOT a.deleted AND NOT a.gone
      AND NOT EXISTS (
        SELECT FROM held h JOIN accepted b USING (record_key) WHERE NOT b.deleted AND NOT b.gone
      )
      AND NOT EXISTS (SELECT FROM doubtful f WHERE f.record_key = a.record_key)
    ORDER BY hashtext(a.record_key), a.record_key
    LIMIT %(most)s
)
