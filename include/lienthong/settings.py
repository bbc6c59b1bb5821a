"""What differs between machines, read from the environment when a task runs and never at import."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lienthong.errors import NeedsPerson

ROOT = Path(__file__).resolve().parents[2]
TIMEZONE = "Asia/Ho_Chi_Minh"


@dataclass(frozen=True, slots=True)
class Settings:
    """Paths and limits of one installation; every field has a variable ``LIENTHONG_<FIELD>``."""

    home: Path
    """Folder of the repository: holds ``expectations/``, ``sql/`` and ``dags/``."""
    var: Path
    """Folder for everything that runs write: databases, logs, reports."""
    agency: str
    """Agency code of the province on the national portal."""
    lanes: int
    """Number of mapped extract tasks of one dataset."""
    readers: int
    """Sources that one lane reads side by side."""

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> Settings:
        """Read the settings; a malformed value is refused by its variable's name."""
        values = os.environ if env is None else env
        home = Path(values.get("LIENTHONG_HOME", str(ROOT)))
        return cls(
            home=home,
            var=Path(values.get("LIENTHONG_VAR", str(home / "var"))),
            agency=values.get("LIENTHONG_AGENCY", "H15"),
            lanes=_positive(values, "LIENTHONG_LANES", 2),
            readers=_positive(values, "LIENTHONG_READERS", 4),
        )


def _positive(values: Mapping[str, str], name: str, default: int) -> int:
    text = values.get(name, str(default))
    if not text.isdigit() or int(text) < 1:
        raise NeedsPerson(f"{name} must be a whole number from 1; it is {text!r}. Mend it in the environment.")
    return int(text)
