"""What the connection to a receiver may say about its reconciliation."""

from __future__ import annotations

from dataclasses import dataclass

from lienthong.connections import Connection
from lienthong.mapi.options import Given


@dataclass(frozen=True, slots=True)
class Options:
    """Extras of the connection, each with its default.

    Every look asks for the last ``recent_days`` days, and for so much of the older ones, in ranges of ``slice_days``,
    that all are asked for within ``whole_days`` days. An answer that lacks, or shows otherwise, more than the share
    ``brake`` of what should be there is refused, unless these are not more than ``few`` records; so is each with which
    the whole look would. A brake of 1 believes the receiver whatever it says. ``send_again`` ``once`` sends what is
    lost or different out again without a person, each difference once."""

    recent_days: int = 7
    slice_days: int = 7
    whole_days: int = 30
    brake: float = 0.1
    few: int = 10
    send_again: str = "never"

    @classmethod
    def of(cls, connection: Connection) -> Options:
        """Read the extras ``reconcile_...``; a value that cannot be meant is refused by its name."""
        given = Given(connection)
        brake = given.positive("reconcile_brake", 0.1)
        if brake > 1:
            raise given.fail("reconcile_brake", "a share above 0 and up to 1")
        return cls(
            recent_days=given.count("reconcile_recent_days", 7),
            slice_days=given.count("reconcile_slice_days", 7),
            whole_days=given.count("reconcile_whole_days", 30),
            brake=brake,
            few=given.count("reconcile_few", 10),
            send_again=given.choice("reconcile_send_again", ("never", "once")),
        )
