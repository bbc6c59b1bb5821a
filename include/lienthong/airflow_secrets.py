"""Connections of a file, read once for all that ask: Airflow's own backend makes every one of them for each question.

Named in ``[secrets] backend``. Stands alone because Airflow imports it while it reads its configuration, when nothing
else of Airflow may be imported yet.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from airflow.secrets.local_filesystem import LocalFilesystemBackend


class ConnectionsFile(LocalFilesystemBackend):
    """Gives what the file says now: it is read again as soon as it is another one.

    A province asks for a hundred connections in one task, and Airflow's backend would read the file two hundred
    times for them. Should Airflow rename what is overridden here, that is what happens again, and nothing else."""

    _read: tuple[tuple[int, int, int], dict[str, Any]] | None = None

    @property
    def _local_connections(self) -> dict[str, Any]:
        path = Path(self.connections_file or "")
        if not path.is_file():
            return super()._local_connections  # which says what is wrong with it
        stat = path.stat()
        mark = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
        known = self._read
        if known is None or known[0] != mark:
            known = self._read = (mark, super()._local_connections)
        return known[1]
