"""Embedded mode: PostgreSQL, the sandbox and Airflow as processes of one supervisor, and the run of one day.

folders, ports, keys        what is where, on which port, with which secrets
account, processes          how a process is started so that it never outlives us
postgres                    the embedded server
supervisor                  starts, watches, restarts and stops any set of services
airflow, embedded           the environment of Airflow, and the set of services of this project
control                     start, find and stop the supervisor from the command line
airflow_api, day, progress  the run of one day through Airflow's REST API
"""
