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
    {record_key} AS _record_key,
    coalesce({source_time}, t._held_time, {default_time}) AS _source_time,
    {broken} AS broken,
    {warned} AS warned,
    0::bigint AS waived
FROM {typed} t
