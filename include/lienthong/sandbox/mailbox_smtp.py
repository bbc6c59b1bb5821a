"""The SMTP side of the sandbox's mailbox: it answers 250 only for what is on the disk."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Iterator

from aiosmtpd.smtp import SMTP, Envelope, Session

from lienthong.errors import NeedsPerson
from lienthong.sandbox.mailbox_misbehaviour import MailFault, MailMisbehaviour
from lienthong.sandbox.mailbox_store import MailStore

LONGEST_LETTER = 50_000_000
IDLE_SECONDS = 120


class Postman:
    """The hooks of aiosmtpd: faults first, then the store."""

    def __init__(self, store: MailStore, misbehaviour: MailMisbehaviour) -> None:
        self._store = store
        self._misbehaviour = misbehaviour

    async def handle_MAIL(
        self, server: SMTP, _session: Session, envelope: Envelope, address: str, mail_options: list[str]
    ) -> str:
        """Begin a letter, or stall, or be busy."""
        await _wait(self._misbehaviour.strike("stall"))
        busy = self._misbehaviour.strike("busy")
        if busy is not None:
            asyncio.get_running_loop().call_later(0.05, _hang_up, server)
            return busy.reply
        envelope.mail_from = address
        envelope.mail_options.extend(mail_options)
        return "250 OK"

    async def handle_RCPT(
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, rcpt_options: list[str]
    ) -> str:
        """Every mailbox exists, but for what a rule says."""
        for fault in ("refuse", "defer"):
            rule = self._misbehaviour.strike(fault, address)
            if rule is not None:
                return rule.reply
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(rcpt_options)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:
        """Keep the letter, then answer."""
        first = envelope.rcpt_tos[0]
        rejected = self._misbehaviour.strike("reject", first)
        if rejected is not None:
            return rejected.reply
        content = envelope.original_content or b""
        kept = await asyncio.to_thread(self._store.accept, envelope.mail_from or "", envelope.rcpt_tos, content)
        await _wait(self._misbehaviour.strike("slow", first))
        if self._misbehaviour.strike("drop", first) is not None:
            _hang_up(server)
            await asyncio.sleep(IDLE_SECONDS)  # ended at once by the connection's end
        return f"250 OK letter {kept.number}"


class SmtpDoor:
    """The listening socket, which a rule can close; its port stays the same."""

    def __init__(
        self, host: str, port: int, postman: Postman, tls: ssl.SSLContext | None = None, require_tls: bool = False
    ) -> None:
        self._host = host
        self.port = port
        self._postman = postman
        self._tls, self._require_tls = tls, require_tls
        self._server: asyncio.Server | None = None
        self._open: set[SMTP] = set()

    async def open(self) -> None:
        """Listen; a port that is taken is named."""
        if self._server is not None:
            return
        try:
            self._server = await asyncio.get_running_loop().create_server(self._meet, self._host, self.port)
        except OSError as error:
            raise NeedsPerson(
                f"Sandbox mailbox: expected a free port at {self._host}:{self.port}; found {error.strerror}. Stop the "
                "other process or choose another --port-smtp."
            ) from None
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Refuse connections and break off those that are open."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for session in self._open:
            _hang_up(session)
        self._open.clear()

    def _meet(self) -> SMTP:
        self._open = {session for session in self._open if session.transport is not None}
        session = SMTP(
            self._postman, data_size_limit=LONGEST_LETTER, hostname="mailbox.sandbox", ident="Lien Thong sandbox",
            timeout=IDLE_SECONDS, tls_context=self._tls, require_starttls=self._require_tls,
        )  # fmt: skip
        self._open.add(session)
        return session


def _hang_up(server: SMTP) -> None:
    if server.transport is not None:
        server.transport.abort()  # type: ignore[attr-defined]  # typed as any transport, it is a TCP one


async def _wait(rule: MailFault | None) -> None:
    if rule is not None:
        await asyncio.sleep(rule.ms / 1000)


@contextlib.contextmanager
def listening(host: str, port: int) -> Iterator[socket.socket]:
    """A listening TCP socket for the viewer, so that its address is known before it serves."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError as error:
            raise NeedsPerson(
                f"Sandbox mailbox: expected a free port at {host}:{port}; found {error.strerror}. Stop the other "
                "process or choose another --port-http."
            ) from None
        listener.listen(128)
        yield listener
