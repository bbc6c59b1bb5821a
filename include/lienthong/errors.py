"""Every error says what happens next.

    LienThongError
    ├── TryAgain            the same call may succeed later: Airflow retries it
    │   ├── SourceDown      a source did not answer; only that source waits
    │   └── ReceiverBusy    a receiver asked for patience, or its circuit is open
    └── NeedsPerson         a retry cannot help: Airflow fails the task at once
        ├── ContractError   a contract file is wrong
        ├── SourceChanged   a source no longer gives what its contract promises
        └── ReceiverRefused a receiver rejects our credentials or rights

A message says what was expected, what was found and who can mend it. It never
holds a personal value, a password or a whole connection string.
"""

from __future__ import annotations


class LienThongError(Exception):
    """Root of the package's own errors; never raised itself."""


class TryAgain(LienThongError):
    """The same call may succeed later; nothing half-done was left behind."""


class SourceDown(TryAgain):
    """A source could not be reached or did not answer in time."""


class ReceiverBusy(TryAgain):
    """A receiver asked for patience. ``retry_after`` is in seconds, when it said so."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class NeedsPerson(LienThongError):
    """A retry cannot help; the message names who can mend it."""


class ContractError(NeedsPerson):
    """A contract file is not what the standard or this project asks for."""


class SourceChanged(NeedsPerson):
    """A source does not give the columns or the form that its contract promises."""


class SourceShrunk(NeedsPerson):
    """A source no longer holds more of its records than ``deleteBrake`` allows; ``gone`` of ``held`` are missing."""

    def __init__(self, message: str, gone: int, held: int) -> None:
        super().__init__(message)
        self.gone = gone
        self.held = held


class ReceiverRefused(NeedsPerson):
    """A receiver rejects our credentials, rights or address; the endpoint stops."""
