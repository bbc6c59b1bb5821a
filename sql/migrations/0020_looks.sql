-- purpose: one more kind of act: somebody looked at the personal values of a held row
-- reads:   nothing
-- writes:  ops.acts
-- run by:  Warehouse.migrate, once, in one transaction with its own record

ALTER TABLE ops.acts DROP CONSTRAINT acts_act_check;
ALTER TABLE ops.acts ADD CONSTRAINT acts_act_check CHECK (act IN ('redrive', 'resend', 'looked'));
