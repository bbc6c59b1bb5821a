-- purpose: one scan that names each record and marks each row with the rules that it breaks, one bit a rule;
--          waived holds the bits that a waiver has taken out of broken
-- reads:   the run's typed table, core for rules that refer to other datasets
-- writes:  the run's marks table (unlogged: it is made again when lost)
-- run by:  warehouse.landing.make_marks

CREATE UNLOGGED TABLE {marks} AS
SELECT
    t._row,
    t._source,
    t._line,
    t._record_key,
    t._source_time,
    t._broken_alone + {broken} AS broken,
    t._warned_alone + {warned} AS warned,
    0::bigint AS waived
FROM (
    -- What a row breaks by itself, or by what other datasets hold, can be told by parallel workers. Only the rest
    -- needs other rows of this table, in their order; OFFSET 0 keeps the two steps apart, so that what is sorted for
    -- the rest is narrow.
    SELECT
        t.*,
        {record_key} AS _record_key,
        coalesce({source_time}, t._held_time, {default_time}) AS _source_time,
        {broken_alone} AS _broken_alone,
        {warned_alone} AS _warned_alone
    FROM {typed} t {beside}
    OFFSET 0
) t
