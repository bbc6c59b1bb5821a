-- purpose: which run of Airflow opened a run of the ledger, so that pages can lead from one to the other
-- reads:   nothing
-- writes:  ops.runs
-- run by:  Warehouse.migrate, once, in one transaction with its own record

-- The task says who it is when it opens its session, as two settings of it; without them, as for a run by hand, both
-- stay empty. So whatever opens a run needs to know nothing of Airflow. A run that another one resumes keeps its own.
ALTER TABLE ops.runs
    ADD COLUMN dag_id     text DEFAULT nullif(current_setting('lienthong.dag_id', true), ''),
    ADD COLUMN dag_run_id text DEFAULT nullif(current_setting('lienthong.dag_run_id', true), '');
CREATE INDEX runs_of_airflow ON ops.runs (dag_id, dag_run_id) WHERE dag_run_id IS NOT NULL;
