-- purpose: what views and bodies must know of the declarations of indicators
-- reads:   nothing
-- writes:  marts.declared, marts.small_cells, functions ops.local, ops.is_small, ops.is_office_phone,
--          ops.has_personal_number
-- run by:  Warehouse.migrate, once, in one transaction with its own record

-- The declarations of sql/marts/indicators.yaml, as far as a derived dataset or a receiver needs them; kept by the
-- refresh.
--   form   count, ratio, mean, percentile, stock or sum
--   open   whether the public may see it
--   formula, denominator_name  in Vietnamese, for whoever sees a value without a manual; '' without a denominator
--   guarded whether it counts people's dossiers, so that a small one is hidden; whole: the measure that a count is a
--          part of; behind: the dossiers behind an amount of time or money; beside: another count that it tells
--   better 'up' or 'down'; green and yellow: the value from which it has the colour, beyond it is red
CREATE TABLE marts.declared (
    indicator        text    PRIMARY KEY,
    name             text    NOT NULL,
    unit             text    NOT NULL,
    form             text    NOT NULL,
    open             boolean NOT NULL,
    formula          text    NOT NULL,
    denominator_name text    NOT NULL,
    better           text,
    green            numeric,
    yellow           numeric,
    guarded          boolean NOT NULL,
    whole            text,
    behind           text,
    beside           text
);

-- What is too few to be told outside: counts from 1 to one less than `below`, rates over less than `least`.
CREATE TABLE marts.small_cells (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    below    integer NOT NULL DEFAULT 5 CHECK (below > 0),
    least    integer NOT NULL DEFAULT 10 CHECK (least > 0)
);
INSERT INTO marts.small_cells DEFAULT VALUES;

CREATE FUNCTION ops.is_small(count numeric, below integer) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
    'SELECT coalesce(count > 0 AND count < below, false)';

-- Views take no parameter: the time zone of the settings stands here for them.
CREATE FUNCTION ops.local(moment timestamptz) RETURNS timestamp LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
    'SELECT moment AT TIME ZONE ''Asia/Ho_Chi_Minh''';

-- A fixed line, a hotline or a short number; anything else may be the mobile phone of a person.
CREATE FUNCTION ops.is_office_phone(number text) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
    'SELECT number ~ ''^(02[0-9]{9}|1[89]00[0-9]{4,6}|1[0-9]{2,3})$''';

-- Whether a text holds what may be a mobile phone or a citizen number, however its digits are set apart.
CREATE FUNCTION ops.has_personal_number(words text) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
    'SELECT words ~ ''(?<![0-9])(0|\+?84)[ .-]?[35789]([ .-]?[0-9]){8}(?![0-9])''
        OR words ~ ''(?<![0-9])0[0-9]{2}([ .-]?[0-9]){9}(?![0-9])''';
