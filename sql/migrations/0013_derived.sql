-- purpose: what views must know of the declarations of indicators
-- reads:   nothing
-- writes:  marts.declared
-- run by:  Warehouse.migrate, once, in one transaction with its own record

-- The declarations of sql/marts/indicators.yaml, as far as a derived dataset needs them; kept by the refresh.
--   form  count, ratio, mean, percentile, stock or sum
--   open  whether the public may see it
CREATE TABLE marts.declared (
    indicator text    PRIMARY KEY,
    name      text    NOT NULL,
    unit      text    NOT NULL,
    form      text    NOT NULL,
    open      boolean NOT NULL
);
