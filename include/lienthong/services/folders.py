"""Where the embedded mode keeps what it writes: everything is under ``var/``."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lienthong.settings import Settings


@dataclass(frozen=True, slots=True)
class Folders:
    """The places of one installation; the paths are absolute, and none is made by asking for it."""

    home: Path
    var: Path

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> Folders:
        """From ``LIENTHONG_HOME`` and ``LIENTHONG_VAR``."""
        settings = Settings.from_env(env)
        return cls(home=settings.home.resolve(), var=settings.var.resolve())

    @property
    def postgres(self) -> Path:
        """Data of the embedded PostgreSQL."""
        return self.var / "postgres"

    @property
    def run(self) -> Path:
        """Socket of the embedded PostgreSQL."""
        return self.var / "run"

    @property
    def log(self) -> Path:
        """One file per process."""
        return self.var / "log"

    @property
    def airflow(self) -> Path:
        """``AIRFLOW_HOME``."""
        return self.var / "airflow"

    @property
    def sandbox(self) -> Path:
        """Files of the sandboxed province and nation."""
        return self.var / "sandbox"

    @property
    def connections(self) -> Path:
        """Connections of the province's sources, in the form of Airflow's LocalFilesystemBackend."""
        return self.sandbox / "connections.json"

    @property
    def catalogue(self) -> Path:
        """Procedures that the sandboxed province uses, when they came from a portal that someone else runs."""
        return self.sandbox / "catalogue.json"

    @property
    def portal(self) -> Path:
        """What the sandboxed portal has accepted."""
        return self.sandbox / "portal"

    @property
    def platform(self) -> Path:
        """What the sandboxed shared platform has accepted."""
        return self.sandbox / "platform"

    @property
    def national(self) -> Path:
        """What the nation serves on the sandboxed shared platform."""
        return self.platform / "national.sqlite"

    @property
    def centre(self) -> Path:
        """What the sandboxed monitoring centre has accepted."""
        return self.sandbox / "centre"

    @property
    def app(self) -> Path:
        """What the sandboxed public app has accepted."""
        return self.sandbox / "app"

    @property
    def mailbox(self) -> Path:
        """Letters that the sandboxed mail server has accepted."""
        return self.sandbox / "mailbox"

    @property
    def data_docs(self) -> Path:
        """Pages of validation results."""
        return self.var / "data_docs"

    @property
    def department_key(self) -> Path:
        """Key that the REST service of one department asks for."""
        return self.sandbox / "department.key"

    @property
    def secrets(self) -> Path:
        """Generated passwords and keys; readable by the owner alone."""
        return self.var / "secrets"

    @property
    def report(self) -> Path:
        """Report of the last ``make run``."""
        return self.var / "report.json"

    @property
    def state(self) -> Path:
        """What the supervisor says about its services."""
        return self.var / "services.json"

    @property
    def lock(self) -> Path:
        """Held by the supervisor for as long as it lives."""
        return self.var / "services.lock"

    @property
    def owner(self) -> str:
        """Name of this installation in the environment of its processes (``LIENTHONG_OWNER``)."""
        return hashlib.sha256(os.fsencode(self.var)).hexdigest()[:16]
