#!/bin/sh
# purpose: one database and one owner each for Airflow and for the warehouse
# reads:   AIRFLOW_DB_PASSWORD, WAREHOUSE_DB_PASSWORD
# writes:  roles airflow and lienthong, databases airflow and warehouse
# run by:  the PostgreSQL image, once, when its data folder is empty
set -eu
: "${AIRFLOW_DB_PASSWORD:?Set AIRFLOW_DB_PASSWORD in .env}"
: "${WAREHOUSE_DB_PASSWORD:?Set WAREHOUSE_DB_PASSWORD in .env}"

# \getenv keeps the passwords off the command line; :'name' quotes them.
psql --no-psqlrc --set ON_ERROR_STOP=1 --username "${POSTGRES_USER:-postgres}" --dbname postgres <<'SQL'
\getenv airflow_password AIRFLOW_DB_PASSWORD
\getenv warehouse_password WAREHOUSE_DB_PASSWORD
CREATE ROLE airflow LOGIN PASSWORD :'airflow_password';
CREATE ROLE lienthong LOGIN PASSWORD :'warehouse_password';
CREATE DATABASE airflow OWNER airflow;
CREATE DATABASE warehouse OWNER lienthong;
REVOKE CONNECT ON DATABASE airflow, warehouse FROM PUBLIC;
SQL
