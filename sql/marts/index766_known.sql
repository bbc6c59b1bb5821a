-- purpose: the facts of dossiers as they were known at a moment, or as they are known now
-- reads:   marts.dossiers, marts.dossiers_history
-- writes:  nothing
-- run by:  indicators.index766, as a part of the other statements of the index

SELECT {columns} FROM marts.dossiers WHERE {as_of}::timestamptz IS NULL OR known_from <= {as_of}
UNION ALL
SELECT {columns} FROM marts.dossiers_history
WHERE {as_of}::timestamptz IS NOT NULL AND known_from <= {as_of} AND {as_of} < known_to
