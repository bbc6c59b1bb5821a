"""Named places in the middle of a step, where a test can stop the process or end it. Inert unless armed.

Armed by a file: when ``LIENTHONG_CRASH_DIR`` is set and holds a file named ``<point>`` or ``<point>@<subject>``
(a dataset, a source, an endpoint), its text says what happens there, once: ``kill`` ends this process with SIGKILL;
``wait`` leaves a file with ``.reached`` behind its name and goes on when that is taken away, or after a minute.
Production never sets the variable.
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

LONGEST_WAIT = 60.0


def crashpoint(point: str, subject: str = "") -> None:
    """Do what a test has armed for this point; normally nothing."""
    folder = os.environ.get("LIENTHONG_CRASH_DIR")
    if not folder:
        return
    for name in (point, f"{point}@{subject}"):
        armed = Path(folder) / name
        try:
            order = armed.read_text(encoding="utf-8").strip()
            armed.unlink()
        except FileNotFoundError:
            continue
        _obey(order, Path(folder) / f"{name}.reached")


def _obey(order: str, reached: Path) -> None:
    if order == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    reached.write_text(str(os.getpid()), encoding="utf-8")
    until = time.monotonic() + LONGEST_WAIT
    while reached.exists() and time.monotonic() < until:
        time.sleep(0.02)
