"""What a task did, told to Airflow: spans of its trace, the note of its run, datasets of OpenLineage.

All of it is beside the work: each costs nothing where it is not set up, a short while where Airflow is slow, and never
the task.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from typing import Any

from airflow.sdk import get_current_context

from lienthong.airflow_api import AirflowApi
from lienthong.batches import Window
from lienthong.connections import Connection
from lienthong.errors import LienThongError, NeedsPerson
from lienthong.lineage.notes import ours
from lienthong.lineage.watched import Count
from lienthong.orchestration.connecting import connection

log = logging.getLogger("lienthong")
PATIENCE = 1.0
"""Seconds for each of the three requests that a note takes."""
SLOW = 2.0
"""Seconds after which a collector of lineage counts as away: this task tells it nothing more of datasets."""


def own_run() -> tuple[str, str] | None:
    """The DAG and the run of the running task; None outside of one."""
    try:
        run: Any = get_current_context()["dag_run"]
    except (RuntimeError, KeyError):
        return None
    return run.dag_id, run.run_id


def signed(warehouse: Connection, dag_id: str, run_id: str) -> Connection:
    """The warehouse's connection whose sessions say which run of Airflow they work for."""
    given = str(warehouse.extra.get("options", ""))
    told = {"lienthong.dag_id": dag_id, "lienthong.dag_run_id": run_id}
    options = " ".join([given, *(f"-c {name}={_escaped(value)}" for name, value in told.items())]).strip()
    return replace(warehouse, extra={**warehouse.extra, "options": options})


def _escaped(value: str) -> str:
    """A value within libpq's ``options``, where a space ends it."""
    return value.replace("\\", "\\\\").replace(" ", "\\ ")


class AirflowTeller:
    """Speaks for one task to the Airflow that runs it."""

    def __init__(self, dag_id: str, run_id: str, window: Window | None) -> None:
        self._dag_id, self._run_id, self._window = dag_id, run_id, window
        self._collector_away = False

    @contextmanager
    def span(self, name: str, labels: Mapping[str, str]) -> Iterator[Count]:
        """A span under the task's own; of an error it keeps the kind, because foreign words may repeat values."""
        from airflow.sdk.observability import trace

        tracer = trace.get_tracer("lienthong")
        given = {f"lienthong.{label}": value for label, value in labels.items()}
        with tracer.start_as_current_span(
            f"lienthong.{name}", attributes=given, record_exception=False, set_status_on_exception=False
        ) as span:
            try:
                yield lambda counts: span.set_attributes({f"lienthong.{n}": count for n, count in counts.items()})
            except BaseException as error:
                span.set_status(trace.Status(trace.StatusCode.ERROR, type(error).__name__))
                raise

    def runs_for(self, dag_id: str, window: Window | None = None) -> bool:
        """Whether this task's DAG is ``dag_id``, and its window the given one."""
        return self._dag_id == dag_id and (window is None or window == self._window)

    def note(self, text: str) -> None:
        """Set the run's note over Airflow's REST; where that cannot be, one line in the log says so."""
        try:
            own = connection("airflow")
        except NeedsPerson:
            log.info("The run gets no note, because there is no connection 'airflow'. It would say: %s", text)
            return
        try:
            api = AirflowApi(own.base_url, own.login, own.password, patience=0.0, connection=own.name, timeout=PATIENCE)
            api.note(self._dag_id, self._run_id, text, ours)
        except LienThongError as error:
            log.warning("The run gets no note: %s", error)

    @property
    def lineage(self) -> bool:
        """Whether this Airflow sends OpenLineage."""
        return _lineage()

    def datasets(self, inputs: list[Any], outputs: list[Any]) -> None:
        """Say in an event of the running task what it reads and writes; not again after a slow or failed one."""
        from airflow.providers.openlineage.api import emit_dataset_lineage

        if self._collector_away:
            return
        began, self._collector_away = time.monotonic(), True
        emit_dataset_lineage(inputs=inputs, outputs=outputs)
        self._collector_away = time.monotonic() - began > SLOW


@cache
def _lineage() -> bool:
    try:
        from airflow.providers.openlineage import conf
    except ImportError:  # an Airflow without the provider
        return False
    if conf.is_disabled():
        return False
    from airflow.providers.openlineage.api import is_openlineage_active

    return bool(is_openlineage_active())
