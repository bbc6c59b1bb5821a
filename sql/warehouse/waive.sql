-- purpose: take the rules that a waiver lets pass out of the marks of its record
-- reads:   nothing else
-- writes:  the run's marks table
-- run by:  warehouse.waivers.apply

UPDATE {marks} m
SET waived = m.broken & w.bits, broken = m.broken & ~w.bits
FROM unnest(%(sources)s::text[], %(keys)s::text[], %(bits)s::bigint[]) AS w (source, record_key, bits)
WHERE m._source = w.source AND m._record_key = w.record_key AND m.broken & w.bits <> 0
