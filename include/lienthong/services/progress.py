"""The progress of a run in the terminal: one live line for each thing that moves, or plain lines where nobody looks."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.text import Text

from lienthong.services.ledger_view import DayState

PAUSE = 10.0
"""Seconds between two plain lines."""
STAGES = {
    "start": "Starting PostgreSQL, Airflow and the sandbox",
    "province": "Making the day's data in the province's sources",
    "parse": "Waiting for Airflow to read the DAGs",
    "ingest": "Ingesting: extract, judge, promote",
    "publish": "Publishing to the receivers",
    "tell": "Telling the owners what is wrong, and keeping the score",
}


class Progress:
    """Stages with their seconds, services as they come up, datasets and receipts as they grow."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, refresh_per_second=8, transient=True) if console.is_terminal else None
        self._began = time.monotonic()
        self._stage = ""
        self._stage_began = self._began
        self._said = ""
        self._said_at = 0.0
        self._receipts: list[tuple[float, int]] = []
        self.seconds: dict[str, float] = {}

    def __enter__(self) -> Progress:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
        if self._live is not None:
            self._live.stop()

    def stage(self, name: str) -> None:
        """A new stage begins; the one before is put down with its seconds."""
        self.close()
        self._stage, self._stage_began = name, time.monotonic()
        self._line("", force=True)

    def say(self, sentence: str) -> None:
        """One sentence that stays on the screen."""
        self._console.print(sentence, highlight=False)

    def services(self, board: Mapping[str, Any]) -> None:
        """The services as the supervisor's board shows them."""
        found = board.get("services", {})
        ready = [name for name, entry in found.items() if entry["state"] in ("ready", "done")]
        coming = [name for name, entry in found.items() if entry["state"] == "starting"]
        again = [f"{name} (restart {entry['restarts']})" for name, entry in found.items() if entry["restarts"]]
        if found:
            text = f"{len(ready)}/{len(found)} ready" + (f"; starting {', '.join(coming)}" if coming else "")
            self._line(text + (f"; {', '.join(again)}" if again else ""))

    def show(self, state: DayState) -> None:
        """Datasets and receipts."""
        parts = [
            f"{name}: {found.state} {found.read}/{found.sources} sources"
            + (f" ({found.missing} missing)" if found.missing else "")
            + (f", {found.rows:,} rows" if found.rows else "")
            for name, found in state.datasets.items()
        ]
        done = state.accepted + state.refused
        due = sum(state.due.values())
        if done or due:
            parts.append(f"sent {done:,} ({self._rate(done):.0f}/s), accepted {state.accepted:,}, due {due:,}")
        self._line("; ".join(parts))

    def _rate(self, done: int) -> float:
        now = time.monotonic()
        self._receipts = [(at, count) for at, count in self._receipts if now - at <= 10] + [(now, done)]
        at, count = self._receipts[0]
        return (done - count) / (now - at) if now - at > 0.5 else 0.0

    def _line(self, text: str, *, force: bool = False) -> None:
        elapsed = time.monotonic() - self._began
        head = STAGES.get(self._stage, self._stage)
        if self._live is not None:
            body = "\n   ".join(text.split("; ")) if text else ""
            self._live.update(Text(f"{elapsed:6.1f} s  {head}" + (f"\n   {body}" if body else "")))
        elif force or (text != self._said and time.monotonic() - self._said_at >= PAUSE):
            self._console.print(f"{elapsed:6.1f} s  {head}" + (f": {text}" if text else ""), highlight=False)
            self._said, self._said_at = text, time.monotonic()

    def close(self) -> None:
        """The stage that runs is over."""
        if not self._stage:
            return
        spent = time.monotonic() - self._stage_began
        self.seconds[self._stage] = round(self.seconds.get(self._stage, 0.0) + spent, 2)
        if self._live is not None:
            self._console.print(f"{spent:6.1f} s  {STAGES.get(self._stage, self._stage)}", highlight=False)
        self._stage = ""
