"""Every letter that is due is sent at least once, and under one Message-ID, so that mail systems show it once.

A letter is ``sending`` before its first byte leaves. What a crash leaves in that state is sent again, the same bytes
under the same Message-ID. Nothing is lost while the mail server is away: letters wait and are tried again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from jinja2 import TemplateError

from lienthong.alerts.channels import MAIL, Channel, ChannelDown, Deferred, Refused, Unsendable, channel
from lienthong.alerts.letter import Letter
from lienthong.alerts.message import Parcel
from lienthong.alerts.render import render
from lienthong.connections import Connection
from lienthong.crashpoints import crashpoint
from lienthong.settings import Settings
from lienthong.warehouse import Warehouse
from lienthong.warehouse.statements import statement
from lienthong.warehouse.store import Session, one

LOCK = "letters"
LONGEST_WAIT = timedelta(hours=1)
"""Between two tries of a letter that the receiving side puts off."""
LONGEST_ABSENCE = timedelta(minutes=5)
"""Between two tries of a letter while the channel is away, so that what cannot wait leaves soon after it is back."""
PATIENCE = timedelta(days=5)
"""How long a receiving side may put one letter off; mail servers themselves give up then."""
SUSPICIOUS = 3
"""Refusals in one round, with no letter accepted, that speak of the server and not of the letters."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """What one round did. ``waiting`` counts letters that are due and still open, ``dead`` names those that were
    given up in this round, ``troubles`` says in a sentence each why a channel took nothing."""

    sent: int
    waiting: int
    dead: tuple[int, ...]
    troubles: tuple[str, ...] = ()


def deliver(warehouse: Warehouse, lookup: Callable[[str], Connection], settings: Settings) -> Delivered:
    """Send what is due, one process at a time; a second call at the same moment sends nothing more."""
    with warehouse.alone(LOCK), warehouse.session(autocommit=True) as session:
        round_ = _Round(session, lookup, settings)
        try:
            while round_.step():
                pass
        finally:
            round_.close()
        return round_.result()


@dataclass(slots=True)
class _Round:
    """One walk through the letters that are due."""

    session: Session
    lookup: Callable[[str], Connection]
    settings: Settings
    sent: int = 0
    tried: list[int] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)
    dead: list[int] = field(default_factory=list)
    doubted: dict[int, str] = field(default_factory=dict)
    """Letters that the mail server refused in this round, which are not given up before it accepts another."""
    trusted: bool = False
    _channels: dict[str, Channel] = field(default_factory=dict)

    def step(self) -> bool:
        """Deal with the next letter; False when none is left that could go now."""
        row = self._run("claim", tried=self.tried, closed=self.closed, patience=PATIENCE).fetchone()
        if row is None:
            return False
        number = row["letter_id"]
        self.tried.append(number)
        name = MAIL if row["channel"] == "email" else row["address"]
        try:
            road = self._road(name)
            parcel = _parcel(row, _installation(road, self.settings))
            crashpoint("deliver.before_send", str(number))
            road.send(parcel)
        except ChannelDown as trouble:
            self._settle([number], "pending", str(trouble), LONGEST_ABSENCE)
            self._close(name, row["channel"], str(trouble))
        except Deferred as trouble:
            self._settle([number], "dead" if row["old"] else "pending", str(trouble))
        except Refused as trouble:
            self._refused(number, row, str(trouble))
        except Unsendable as trouble:
            self._settle([number], "dead", str(trouble))
        else:
            crashpoint("deliver.after_send", str(number))
            self._accepted(number, row["channel"])
        return True

    def close(self) -> None:
        """End the sessions, and settle the letters that are in doubt."""
        for road in self._channels.values():
            road.close()
        if self.doubted and (self.trusted or len(self.doubted) < SUSPICIOUS):
            self._give_up_doubted()
        for number, words in self.doubted.items():
            self._settle([number], "pending", words)

    def result(self) -> Delivered:
        """What came of it."""
        left = one(
            self.session,
            "SELECT count(*) AS n FROM ops.letters WHERE state IN ('pending', 'sending') AND due_at <= ops.moment()",
        )
        return Delivered(self.sent, left["n"], tuple(self.dead), tuple(self.troubles))

    def _road(self, name: str) -> Channel:
        if name not in self._channels:
            self._channels[name] = channel(name, self.lookup, self.settings.mail_from)
        return self._channels[name]

    def _accepted(self, number: int, kind: str) -> None:
        self._settle([number], "sent", None)
        self.sent += 1
        if kind == "email":
            self.trusted = True
            self._give_up_doubted()

    def _refused(self, number: int, row: dict[str, Any], words: str) -> None:
        """Give a letter up, unless the server may be refusing everything."""
        if self.trusted or row["channel"] != "email" or row["old"]:
            self._settle([number], "dead", words)
            return
        self.doubted[number] = words
        if len(self.doubted) >= SUSPICIOUS:
            self._close(MAIL, "email", f"The mail server refuses every letter; nothing is given up. The last: {words}")

    def _give_up_doubted(self) -> None:
        for number, words in self.doubted.items():
            self._settle([number], "dead", words)
        self.doubted.clear()

    def _close(self, name: str, kind: str, words: str) -> None:
        self.closed.append("email" if kind == "email" else name)
        self.troubles.append(words)

    def _settle(self, letters: list[int], state: str, reason: str | None, longest: timedelta = LONGEST_WAIT) -> None:
        self._run("settle", letters=letters, state=state, reason=reason, longest=longest)
        if state == "dead":
            self.dead += letters

    def _run(self, name: str, **values: Any) -> Any:
        return self.session.execute(statement(self.settings.home, f"alerts/{name}"), values)


def _parcel(row: dict[str, Any], installation: str) -> Parcel:
    """The letter of a row; ``Unsendable`` when its content is none, which no later try could mend."""
    try:
        letter = Letter.from_json(row["content"])
        rendered = render(letter, installation)
    except (KeyError, TypeError, ValueError, AttributeError, TemplateError) as error:
        raise Unsendable(f"Không dựng được thư ({type(error).__name__}).") from None
    return Parcel(
        letter_id=row["letter_id"],
        address=row["address"],
        letter=letter,
        rendered=rendered,
        message_id=row["message_id"],
        references=tuple(_known(row["references"])),
        dated=row["due_at"],
    )


def _known(references: Iterable[str] | None) -> Iterable[str]:
    return references or ()


def _installation(road: Channel, settings: Settings) -> str:
    """Who sends, for the foot of the letter; the same for every repetition."""
    sender = getattr(road, "sender", None)
    return f"mã cơ quan {settings.agency}" + (f", gửi từ {sender.addr_spec}" if sender else "")
