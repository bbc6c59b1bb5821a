"""One letter as the bytes of a mail: the same letter has the same bytes and the same Message-ID whenever it is sent."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime
from email.header import Header
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import EmailPolicy
from email.utils import format_datetime
from typing import Any

from lienthong.alerts.attachment import MEDIA
from lienthong.alerts.letter import Letter, showable
from lienthong.alerts.render import Rendered
from lienthong.batches import LOCAL

MOST_REFERENCES = 20
MOST_PROBLEMS = 50
_MESSAGE_ID = re.compile(r"[!-;=?-~]{1,200}@[!-;=?-~]{1,200}")  # visible ASCII without angle brackets


class _Policy(EmailPolicy):
    """Headers with Vietnamese words whole: the folding of ``EmailPolicy`` loses spaces between encoded words."""

    def fold_binary(self, name: str, value: Any) -> bytes:
        """One header as it leaves, with its line end."""
        if name == "Subject":
            return f"{name}: {_encoded(name, str(value))}\r\n".encode("ascii")
        if name in ("From", "To"):
            (address,) = value.addresses
            words = f"{_encoded(name, address.display_name)}\r\n " if address.display_name else ""
            return f"{name}: {words}<{address.addr_spec}>\r\n".encode("ascii")
        return bytes(super().fold_binary(name, value))


_POLICY = _Policy(linesep="\r\n")


def _encoded(name: str, text: str) -> str:
    """A text as encoded words, none of which ends within a character."""
    return Header(text, "utf-8", maxlinelen=76, header_name=name).encode(linesep="\r\n")


@dataclass(frozen=True, slots=True)
class Parcel:
    """One rendered letter and where it goes; ``dated`` is when it was due, which no repetition changes."""

    letter_id: int
    address: str
    letter: Letter
    rendered: Rendered
    message_id: str
    references: tuple[str, ...]
    dated: datetime


def mailbox(text: str) -> Address:
    """``a@b`` or ``Name <a@b>`` as an address; ``ValueError`` for what is none or not ASCII."""
    text = text.strip()
    name, _, rest = text.rpartition("<")
    spec = rest[:-1] if name or text.startswith("<") else text
    if not spec.isascii() or not spec.isprintable() or spec.count("@") != 1 or set(spec) & set(' ",;:<>()[]\\'):
        raise ValueError("no mail address")
    return Address(showable(name.strip().strip('"')), addr_spec=spec)


def as_mail(parcel: Parcel, sender: Address) -> bytes:
    """The mail with CRLF line ends; ``ValueError`` when the address of the letter is none."""
    to = mailbox(parcel.address)
    rendered, letter = parcel.rendered, parcel.letter
    message = EmailMessage(_POLICY)
    message["From"] = Address(sender.display_name or "Liên Thông", addr_spec=sender.addr_spec)
    message["To"] = Address(showable(letter.recipient), addr_spec=to.addr_spec)
    message["Subject"] = rendered.subject
    message["Date"] = format_datetime(parcel.dated.astimezone(LOCAL))
    message["Message-ID"] = _bracketed(parcel.message_id)
    roots = [_bracketed(name) for name in parcel.references[-MOST_REFERENCES:]]
    if roots:
        message["In-Reply-To"] = roots[-1]
        message["References"] = " ".join(roots)
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"
    message["List-Id"] = f"<lien-thong.{sender.domain}>"
    message["Content-Language"] = "vi"
    message["X-Lien-Thong-Kind"] = re.sub(r"[^a-z_]", "", letter.kind)[:20] or "letter"
    problems = list(dict.fromkeys(told.problem for told in letter.told))[:MOST_PROBLEMS]
    message["X-Lien-Thong-Problems"] = " ".join(map(str, problems)) or "-"
    message.set_content(rendered.text)
    message.add_alternative(rendered.html, subtype="html")
    if rendered.attachment is not None:
        maintype, subtype = MEDIA
        message.add_attachment(
            rendered.attachment, maintype=maintype, subtype=subtype, filename=rendered.attachment_name
        )
    _fix_boundaries(message, parcel.message_id)
    return message.as_bytes()


def _bracketed(message_id: str) -> str:
    bare = message_id.strip().removeprefix("<").removesuffix(">")
    if not _MESSAGE_ID.fullmatch(bare):
        raise ValueError("no Message-ID")
    return f"<{bare}>"


def _fix_boundaries(message: EmailMessage, seed: str) -> None:
    """Boundaries from the Message-ID in place of random ones."""
    for place, part in enumerate(part for part in message.walk() if part.is_multipart()):
        digest = hashlib.sha256(f"{seed} {place}".encode()).hexdigest()[:32]
        part.set_boundary(f"=_{digest}")
