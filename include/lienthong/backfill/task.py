"""Looks of the feeder with what a task has: the steps, and the connection to the Airflow that it runs in."""

from __future__ import annotations

import time

from lienthong.airflow_api import AirflowApi
from lienthong.backfill.airflow import AirflowBackfills
from lienthong.backfill.feed import Fed, Feeder
from lienthong.connections import Connection
from lienthong.steps import Pipeline

WALK = 45.0
"""Seconds for which days of some units follow one another; the queue is free between two of them."""


def look(pipeline: Pipeline, airflow: Connection) -> Fed:
    """Move every open backfill on; what kept one from it is raised when no other has anything left to do."""
    api = AirflowApi(airflow.base_url, airflow.login, airflow.password, connection=airflow.name)
    until = time.monotonic() + WALK
    while True:
        done = Feeder(pipeline, AirflowBackfills(api)).look()
        if not done.walked or time.monotonic() > until:
            break
    if done.troubles and not done.open:
        raise done.troubles[0]
    return done
