#!/bin/sh
# purpose: everything that must be true before the first component starts; doing it again changes nothing
# reads:   AIRFLOW__DATABASE__SQL_ALCHEMY_CONN, AIRFLOW_CONN_WAREHOUSE, AIRFLOW_ADMIN_PASSWORD,
#          AIRFLOW_BACKFILLS_PASSWORD
# writes:  both schemas, the file of UI accounts
# run by:  the service airflow-init
set -eu

airflow db migrate
lienthong migrate

# Airflow's simple auth manager wants a file that it may open for writing; it makes up a password, and prints it, for
# whoever is missing in the file. Another auth manager ignores the file.
umask 077
accounts="${AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE:?}"
python -c 'import json, os
names = {"admin": "AIRFLOW_ADMIN_PASSWORD", "backfills": "AIRFLOW_BACKFILLS_PASSWORD"}
print(json.dumps({name: os.environ[variable] for name, variable in names.items()}))' > "${accounts}.new"
mv "${accounts}.new" "${accounts}"
