"""How a parcel leaves: by SMTP, or over any chat that Apprise knows. What goes wrong is one of four things.

``ChannelDown``: nobody can be written to this way now. ``Deferred``: this letter later. ``Refused``: the other side
will never take this letter, as it says. ``Unsendable``: the letter itself is wrong.
"""

from __future__ import annotations

import logging
import smtplib
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, NoReturn

from lienthong.alerts.message import Parcel, as_mail, mailbox
from lienthong.connections import Connection
from lienthong.errors import LienThongError, NeedsPerson, TryAgain
from lienthong.mapi.masking import mask

MAIL = "mail"
"""Name of the connection to the mail server."""
LONGEST_CHAT = 1_900
"""Characters of a chat message; the strictest of the great services takes 2,000."""
TOO_LARGE = 552
BUSY = 421
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


class ChannelDown(TryAgain):
    """The channel takes no letter now; the letters wait."""


class Deferred(TryAgain):
    """The receiving side does not take this letter now."""


class Refused(NeedsPerson):
    """The receiving side will never take this letter."""


class Unsendable(NeedsPerson):
    """The letter or its address is none; no server was asked."""


class Mail:
    """One SMTP session, opened with the first letter and used for the whole round.

    The connection ``mail`` follows Airflow's: implicit TLS unless ``disable_ssl``, then STARTTLS unless
    ``disable_tls``; further ``timeout`` in seconds, ``from_email`` and ``ca_file``. TLS, where it is asked for, is
    never done without, and certificates are always verified."""

    def __init__(self, connection: Connection, sender: str) -> None:
        if connection.kind not in ("smtp", "email"):
            raise ChannelDown(
                f"Connection {connection.name!r} must be of type smtp, it is {connection.kind!r}. Whoever set "
                f"AIRFLOW_CONN_{connection.name.upper()} can mend it."
            )
        self._connection = connection
        extra = connection.extra
        self._implicit = not _flag(extra, "disable_ssl")
        self._starttls = not self._implicit and not _flag(extra, "disable_tls")
        try:
            self.sender = mailbox(str(extra.get("from_email") or sender))
            self._timeout = float(extra.get("timeout") or 30)
        except ValueError:
            raise self._wrong("from_email must be a mail address and timeout a number of seconds") from None
        self._client: smtplib.SMTP | None = None

    def send(self, parcel: Parcel) -> None:
        """Hand one letter over; it returns when the server has taken it."""
        try:
            content = as_mail(parcel, self.sender)
            to = mailbox(parcel.address).addr_spec
        except ValueError:
            raise Unsendable("Địa chỉ thư hoặc mã thư không hợp lệ; sửa trong danh bạ liên hệ.") from None
        with self._explained(to):
            self._hand_over(to, content)

    def close(self) -> None:
        """End the session politely, if there is one."""
        client, self._client = self._client, None
        if client is not None:
            with suppress(OSError, smtplib.SMTPException):
                client.quit()
            client.close()

    def _hand_over(self, to: str, content: bytes) -> None:
        """Send on the open session; one that the server has ended, as many do after some letters, is opened anew."""
        used = self._client is not None
        client = self._client = self._client or self._open()
        try:
            client.sendmail(self.sender.addr_spec, [to], content)
        except (smtplib.SMTPServerDisconnected, smtplib.SMTPSenderRefused) as error:
            if not used or getattr(error, "smtp_code", BUSY) != BUSY:
                raise
            self.close()
            client = self._client = self._open()
            client.sendmail(self.sender.addr_spec, [to], content)

    def _open(self) -> smtplib.SMTP:
        connection = self._connection
        if connection.password and not (self._implicit or self._starttls or connection.host in _LOOPBACK):
            raise self._wrong("a password is never sent without TLS: take disable_ssl or disable_tls away")
        context = self._trust()
        host, own = connection.host, self.sender.domain
        client: smtplib.SMTP
        if self._implicit:
            client = smtplib.SMTP_SSL(host, connection.port or 465, own, timeout=self._timeout, context=context)
        else:
            client = smtplib.SMTP(host, connection.port or (587 if self._starttls else 25), own, self._timeout)
        try:
            if self._starttls:
                client.starttls(context=context)
            if connection.login:
                client.login(connection.login, connection.password)
        except BaseException:
            client.close()
            raise
        return client

    def _trust(self) -> ssl.SSLContext:
        if self._connection.extra.get("ssl_context") == "none":
            raise self._wrong("ssl_context 'none' is not possible; name the server's authority in ca_file")
        try:
            return ssl.create_default_context(cafile=str(self._connection.extra.get("ca_file") or "") or None)
        except (OSError, ssl.SSLError):
            raise self._wrong("ca_file must name a readable PEM file") from None

    @contextmanager
    def _explained(self, to: str) -> Iterator[None]:
        try:
            yield
        except smtplib.SMTPRecipientsRefused as error:
            code, said = next(iter(error.recipients.values()), (BUSY, b""))
            self._answered(code, said, to)
        except smtplib.SMTPSenderRefused as error:
            if error.smtp_code == TOO_LARGE:
                raise Refused(_words(error.smtp_code, error.smtp_error, to)) from None
            raise self._down(f"the sender {self.sender.addr_spec}: {error.smtp_code}") from None
        except smtplib.SMTPAuthenticationError as error:
            raise self._down(f"it refuses our login ({error.smtp_code}); whoever keeps it can mend it") from None
        except smtplib.SMTPDataError as error:
            self._answered(error.smtp_code, error.smtp_error, to)
        except smtplib.SMTPNotSupportedError:
            raise self._down("it offers no STARTTLS or no login, and without nothing is sent") from None
        except smtplib.SMTPResponseException as error:
            raise self._down(f"answer {error.smtp_code}") from None
        except UnicodeError:
            raise self._down("login and password must be plain ASCII") from None
        except (smtplib.SMTPException, OSError) as error:
            raise self._down(type(error).__name__) from None

    def _answered(self, code: int, said: bytes | str, to: str) -> NoReturn:
        """What the server said about this one letter."""
        if code == BUSY:
            raise self._down(f"answer {code}")
        raise (Refused if code >= 500 else Deferred)(_words(code, said, to)) from None

    def _down(self, words: str) -> ChannelDown:
        self.close()
        return ChannelDown(f"The mail server of connection {self._connection.name!r} takes no letter now: {words}.")

    def _wrong(self, words: str) -> ChannelDown:
        return ChannelDown(
            f"Connection {self._connection.name!r}: {words}. Whoever maintains the connection can mend it."
        )


class Chat:
    """One connection of type ``apprise``: its address stands in the extra ``url``, in Airflow's ``config``, or in the
    password. It may open the chat to whoever reads it, so it is in no message and no log.

    A chat has no Message-ID: after a crash in the wrong moment the same text may stand there twice."""

    def __init__(self, connection: Connection) -> None:
        self._name = connection.name
        self._urls = _urls(connection)
        if not self._urls:
            raise self._wrong()

    def send(self, parcel: Parcel) -> None:
        """Post subject and text; what is too long for a chat is cut at a line."""
        from apprise import Apprise, NotifyFormat

        with _silent():
            chat = Apprise()
            if not all(chat.add(url) for url in self._urls):
                raise self._wrong()
            rendered = parcel.rendered
            if not chat.notify(title=rendered.subject, body=_shortened(rendered.text), body_format=NotifyFormat.TEXT):
                raise Deferred(f"Kênh {self._name} chưa nhận tin.")

    def close(self) -> None:
        """Nothing stays open between two messages."""

    def _wrong(self) -> ChannelDown:
        return ChannelDown(
            f"Connection {self._name!r}: expected an Apprise address in the extra 'url'; found none that Apprise "
            "understands. Whoever maintains the connection can mend it."
        )


Channel = Mail | Chat


def channel(name: str, lookup: Callable[[str], Connection], sender: str) -> Channel:
    """The channel of a connection; every mistake in it is a ``ChannelDown``, so that the letters wait for it."""
    try:
        connection = lookup(name)
    except LienThongError as error:
        raise ChannelDown(str(error)) from None
    return Mail(connection, sender) if name == MAIL else Chat(connection)


def _flag(extra: Mapping[str, Any], name: str) -> bool:
    """An extra that is a truth value in JSON and a text in a URI."""
    return str(extra.get(name, "")).strip().lower() in ("true", "1", "yes")


def _urls(connection: Connection) -> list[str]:
    config = connection.extra.get("config")
    entries = config if isinstance(config, list) else [config] if isinstance(config, dict) else []
    found = [connection.extra.get("url"), *(entry.get("path") for entry in entries if isinstance(entry, dict))]
    found = [url for url in found if url] or [connection.password]
    return [url for url in found if isinstance(url, str) and "://" in url]


def _words(code: int, said: bytes | str, to: str) -> str:
    """What a mail server said, without the address and without anything that may be personal."""
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    return f"Máy chủ thư trả lời {code}: {mask(text, (to,))[:300]}"


def _shortened(text: str) -> str:
    if len(text) <= LONGEST_CHAT:
        return text
    return f"{text[:LONGEST_CHAT].rsplit(chr(10), 1)[0].rstrip()}\n(còn nữa, xem trên bảng điều khiển)"


@contextmanager
def _silent() -> Iterator[None]:
    """Apprise and what it sends with log the addresses of its services, some when debugging, some at every failure."""
    loggers = [logging.getLogger(name) for name in ("apprise", "urllib3", "requests")]
    kept = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.CRITICAL + 1)
        yield
    finally:
        for logger, level in zip(loggers, kept, strict=True):
            logger.setLevel(level)
