-- purpose: forms of names and numbers that rules compare: a unit's name, a citizen number, a tax code
-- reads:   nothing
-- writes:  functions ops.name_key, ops.is_citizen_number, ops.is_tax_code
-- run by:  Warehouse.migrate, once, in one transaction with its own record

-- Two spellings of one unit have one key; two units of the province have two. Letter case is folded on the
-- decomposed text, where only A-Z and Đ are left, so that the result does not hang on the server's locale.
CREATE FUNCTION ops.name_key(name text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT regexp_replace(
               regexp_replace(b.plain, '^((ủy ban nhân dân|ubnd) )?((xã|phường) )?', ''),
               '( -)? tỉnh đắk lắk$', ''
           )
    FROM (
        SELECT btrim(regexp_replace(translate(
            normalize(name, NFD),
            'ABCDEFGHIJKLMNOPQRSTUVWXYZĐ' || U&'\2018\2019\02BC\00B4' || '`',
            'abcdefghijklmnopqrstuvwxyzđ' || repeat('''', 5)
        ), '[\s\u00a0]+', ' ', 'g')) AS folded
    ) a,
    -- hoà and hòa, huỷ and hủy: the tone of a final oa, oe, uy stands on the first vowel; after q, u is no vowel.
    LATERAL (
        SELECT normalize(regexp_replace(regexp_replace(
            a.folded,
            '(o)([ae])([\u0300\u0301\u0303\u0309\u0323])(?![a-z\u0300-\u036f])', '\1\3\2', 'g'),
            '(?<!q)(u)(y)([\u0300\u0301\u0303\u0309\u0323])(?![a-z\u0300-\u036f])', '\1\3\2', 'g'
        ), NFC) AS plain
    ) b
$$;

-- Twelve digits without a check digit: one of the 63 provinces of birth registration (Circular 07/2016/TT-BCA,
-- still in force for the numbers issued before the mergers), the century with the sex, the year, six free digits.
-- Not STRICT, here and below: PostgreSQL folds such a function into the query, where it costs a third.
CREATE FUNCTION ops.is_citizen_number(number text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT number ~ '^[0-9]{3}[0-3][0-9]{8}$' AND left(number, 3) IN (
        '001', '002', '004', '006', '008', '010', '011', '012', '014', '015', '017', '019', '020', '022', '024',
        '025', '026', '027', '030', '031', '033', '034', '035', '036', '037', '038', '040', '042', '044', '045',
        '046', '048', '049', '051', '052', '054', '056', '058', '060', '062', '064', '066', '067', '068', '070',
        '072', '074', '075', '077', '079', '080', '082', '083', '084', '086', '087', '089', '091', '092', '093',
        '094', '095', '096'
    )
$$;

-- Ten digits with a check digit, a branch number behind them or not, or a citizen number (Circular 86/2024). Where
-- the sum leaves no remainder the formula gives 10, which no digit can be: such a code never passes.
CREATE FUNCTION ops.is_tax_code(code text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN code ~ '^[0-9]{10}(-[0-9]{3})?$' THEN
            right(code, 4) <> '-000'
            AND 10 - (
                31 * substr(code, 1, 1)::int + 29 * substr(code, 2, 1)::int + 23 * substr(code, 3, 1)::int
                + 19 * substr(code, 4, 1)::int + 17 * substr(code, 5, 1)::int + 13 * substr(code, 6, 1)::int
                + 7 * substr(code, 7, 1)::int + 5 * substr(code, 8, 1)::int + 3 * substr(code, 9, 1)::int
            ) % 11 = substr(code, 10, 1)::int
        ELSE ops.is_citizen_number(code)
    END
$$;
