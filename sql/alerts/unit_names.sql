-- purpose: how the units of a reference dataset are called; also those that no longer exist
-- reads:   core
-- writes:  nothing
-- run by:  alerts.readers

SELECT _record_key AS code, {label} AS name FROM {units} WHERE {label} IS NOT NULL
