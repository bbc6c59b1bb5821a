"""One look of the feeder with what a task has: the steps, and the connection to the Airflow that it runs in."""

from __future__ import annotations

from lienthong.airflow_api import AirflowApi
from lienthong.backfill.airflow import AirflowBackfills
from lienthong.backfill.feed import Fed, Feeder
from lienthong.connections import Connection
from lienthong.steps import Pipeline


def look(pipeline: Pipeline, airflow: Connection) -> Fed:
    """Move every open backfill on by one look."""
    api = AirflowApi(airflow.base_url, airflow.login, airflow.password)
    return Feeder(pipeline, AirflowBackfills(api)).look()
