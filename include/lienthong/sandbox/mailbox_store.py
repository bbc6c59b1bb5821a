"""A letter that was answered with 250 is on the disk, and stays there whatever happens to the process.

Each letter is a file ``mail/<number>.eml``; each delivery, also the repetition of a letter that is there already, is a
line of ``deliveries.jsonl``. As mail systems do, a repeated Message-ID for the same mailbox is accepted and shown once.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from email import policy
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path
from typing import Any

LETTERS = "mail"
LOG = "deliveries.jsonl"


@dataclass(frozen=True, slots=True)
class Summary:
    """What lists show of one letter; ``at`` is when it arrived, ISO with offset."""

    number: int
    at: str
    sender: str
    recipients: tuple[str, ...]
    name: str
    """The recipient as the letter names it."""
    subject: str
    date: str
    message_id: str
    references: tuple[str, ...]
    kind: str
    attachments: tuple[str, ...]
    size: int
    digest: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """One answer of 250; ``repeats`` is the number of the letter that was there already, ``same`` whether the
    repetition had the same bytes."""

    number: int
    at: str
    recipients: tuple[str, ...]
    message_id: str
    repeats: int | None = None
    same: bool = True


class MailStore:
    """Every letter that has arrived, in the order of arrival; safe to use from several threads."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._letters = folder / LETTERS
        self._letters.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._summaries: dict[int, Summary] = {}
        self._deliveries: list[Delivery] = []
        self._known: dict[tuple[str, str], int] = {}
        self._last = 0
        self._load()
        self._log = (folder / LOG).open("ab")

    def close(self) -> None:
        """Close the log; what is stored stays."""
        self._log.close()

    def accept(self, sender: str, recipients: Iterable[str], content: bytes) -> Delivery:
        """Store a letter durably, or count the repetition of one that is there."""
        addresses = tuple(sorted({recipient.lower() for recipient in recipients}))
        message = parse(content)
        message_id = str(message.get("Message-ID", "")).strip()
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        with self._lock:
            fresh = tuple(a for a in addresses if not message_id or (message_id, a) not in self._known)
            if not fresh:
                first = self._known[message_id, addresses[0]]
                same = hashlib.sha256(content).hexdigest() == self._summaries[first].digest
                delivery = Delivery(first, at, addresses, message_id, first, same)
                self._write({"delivery": asdict(delivery)})
                self._deliveries.append(delivery)
                return delivery
            number = self._last + 1
            self._keep(number, content)
            summary = _summary(number, at, sender, fresh, content, message)
            delivery = Delivery(number, at, fresh, message_id)
            self._write({"delivery": asdict(delivery), "letter": asdict(summary)})
            self._add(delivery, summary)
            return delivery

    def letters(self, recipient: str | None = None) -> list[Summary]:
        """The letters of one mailbox, or of all, in the order of arrival."""
        with self._lock:
            found = list(self._summaries.values())
        return [one for one in found if recipient is None or recipient.lower() in one.recipients]

    def letter(self, number: int) -> Summary | None:
        """One letter of the list."""
        with self._lock:
            return self._summaries.get(number)

    def content(self, number: int) -> bytes:
        """The letter as it arrived."""
        return self._path(number).read_bytes()

    def deliveries(self) -> list[Delivery]:
        """Every answer of 250, repetitions included."""
        with self._lock:
            return list(self._deliveries)

    def thread(self, number: int) -> list[Summary]:
        """The letters of the same mailbox that speak of the same thing, this one among them."""
        with self._lock:
            present = self._summaries.get(number)
            found = list(self._summaries.values())
        if present is None:
            return []
        mine = [one for one in found if set(one.recipients) & set(present.recipients)]
        names = {present.message_id, *present.references}
        while True:
            linked = {name for one in mine if names & {one.message_id, *one.references} for name in _names(one)}
            if linked <= names:
                return [one for one in mine if names & _names(one)]
            names |= linked

    def _path(self, number: int) -> Path:
        return self._letters / f"{number:06d}.eml"

    def _keep(self, number: int, content: bytes) -> None:
        scratch = self._letters / f".{number:06d}.new"
        with scratch.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        scratch.replace(self._path(number))
        folder = os.open(self._letters, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _write(self, entry: dict[str, Any]) -> None:
        self._log.write(json.dumps(entry, ensure_ascii=False).encode() + b"\n")
        self._log.flush()
        os.fsync(self._log.fileno())

    def _add(self, delivery: Delivery, summary: Summary | None) -> None:
        self._deliveries.append(delivery)
        if summary is not None:
            self._summaries[summary.number] = summary
            self._last = summary.number
            for address in summary.recipients:
                if summary.message_id:
                    self._known[summary.message_id, address] = summary.number

    def _load(self) -> None:
        """Read the log; a last line that was cut off was never answered, so it is taken away."""
        path = self._folder / LOG
        content = path.read_bytes() if path.exists() else b""
        whole = content[: content.rfind(b"\n") + 1]
        if whole != content:
            with path.open("r+b") as file:
                file.truncate(len(whole))
        for line in whole.splitlines():
            entry = json.loads(line)
            given = entry.get("letter")
            summary = Summary(**_tuples(given)) if given else None
            self._add(Delivery(**_tuples(entry["delivery"])), summary)


def parse(content: bytes) -> EmailMessage:
    """A letter as a message with Python's modern interface."""
    return BytesParser(policy=policy.default).parsebytes(content)


def _names(one: Summary) -> set[str]:
    return {name for name in (one.message_id, *one.references) if name}


def _name(message: EmailMessage) -> str:
    """The recipient's name. By the older decoder: the newer one puts spaces between the parts of a long name."""
    given = next((str(value) for name, value in message.raw_items() if name.lower() == "to"), "")
    try:
        text = str(make_header(decode_header(given)))
    except (ValueError, LookupError, HeaderParseError):
        return ""
    return " ".join(text.rpartition("<")[0].split()).strip('"')


def _tuples(values: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}


def _summary(
    number: int, at: str, sender: str, recipients: tuple[str, ...], content: bytes, message: EmailMessage
) -> Summary:
    return Summary(
        number=number,
        at=at,
        sender=sender,
        recipients=recipients,
        name=_name(message),
        subject=str(message.get("Subject", "")),
        date=str(message.get("Date", "")),
        message_id=str(message.get("Message-ID", "")).strip(),
        references=tuple(f"{message.get('References', '')} {message.get('In-Reply-To', '')}".split()),
        kind=str(message.get("X-Lien-Thong-Kind", "")),
        attachments=tuple(part.get_filename() or "" for part in message.iter_attachments()),
        size=len(content),
        digest=hashlib.sha256(content).hexdigest(),
    )
