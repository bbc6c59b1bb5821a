-- purpose: the units of the indicators and the sums of units: name, level, and when each is valid
-- reads:   marts.units
-- writes:  nothing
-- run by:  console.indicators.board

SELECT unit AS code, name, level, sum, valid_from, valid_to FROM marts.units
