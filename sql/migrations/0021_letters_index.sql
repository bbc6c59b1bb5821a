-- purpose: the letters to one unit are found without walking through all letters
-- reads:   nothing
-- writes:  an index of ops.letters
-- run by:  Warehouse.migrate, once, in one transaction with its own record

CREATE INDEX letters_by_unit ON ops.letters (unit, letter_id);
