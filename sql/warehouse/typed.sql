-- purpose: turn the landing of one run from text as received into typed values beside the trimmed text
-- reads:   the run's landing table
-- writes:  the run's typed table (unlogged: it is made again when lost)
-- run by:  warehouse.landing.make_typed

CREATE UNLOGGED TABLE {typed} AS
SELECT l._row, l._source, l._line, l._held_time, {values}
FROM (
    SELECT _row, _source, _line, _held_time, {trimmed}
    FROM {landing}
) l
