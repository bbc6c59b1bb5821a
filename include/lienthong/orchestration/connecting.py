"""Connections from Airflow's own look-up, in the terms of the package."""

from __future__ import annotations

from lienthong.connections import Connection
from lienthong.errors import NeedsPerson


def connection(name: str) -> Connection:
    """A connection from Airflow's own look-up: secrets backend, environment, database."""
    from airflow.sdk import Connection as AirflowConnection
    from airflow.sdk.exceptions import AirflowNotFoundException

    try:
        found = AirflowConnection.get(name)
    except AirflowNotFoundException:
        raise NeedsPerson(
            f"Connection {name!r} is missing. Set AIRFLOW_CONN_{name.upper()} (a URI or JSON) or add it to "
            "Airflow's connections; an administrator of this installation can."
        ) from None
    extra = dict(found.extra_dejson)
    # A socket's folder stands in the query of a URI, because no host name can hold it.
    host = found.host or str(extra.pop("host", ""))
    return Connection(
        name=name,
        kind="postgres" if found.conn_type.startswith("postgres") else found.conn_type,
        host=host,
        port=found.port,
        login=found.login or "",
        password=found.password or "",
        schema=found.schema or "",
        extra=extra,
    )
