"""How one sandboxed shared platform behaves when it behaves well."""

from __future__ import annotations

import base64
import binascii
import hmac
import json
from dataclasses import dataclass, field
from pathlib import Path

from lienthong.errors import NeedsPerson


@dataclass(frozen=True, slots=True)
class Lgsp:
    """The five credentials of pattern A."""

    access_key: str
    secret_key: str = field(repr=False)
    app_name: str
    partner_code: str
    partner_code_cus: str

    def opens(self, header: str) -> bool:
        """Whether ``lgspaccesstoken`` holds these five, whatever the order or the spaces of its JSON."""
        try:
            given = json.loads(base64.b64decode(header, validate=True))
        except (binascii.Error, ValueError):
            return False
        expected = {
            "AccessKey": self.access_key, "SecretKey": self.secret_key, "AppName": self.app_name,
            "PartnerCode": self.partner_code, "PartnerCodeCus": self.partner_code_cus,
        }  # fmt: skip
        if not isinstance(given, dict) or set(given) != set(expected):
            return False
        return all([same(given[name], value) for name, value in expected.items()])


@dataclass(frozen=True, slots=True)
class PlatformOptions:
    """Every switch of the platform; a pattern of calling without credentials is closed."""

    data: Path
    """Folder of the acceptance log; nothing is written elsewhere."""
    national: Path
    """SQLite file with what the nation serves; it may come later, and is never written."""
    lgsp: Lgsp | None = None
    client: tuple[str, str] | None = field(default=None, repr=False)
    """Pattern B: consumer key and consumer secret."""
    account: tuple[str, str] | None = field(default=None, repr=False)
    """Pattern C: user and password of the adapter."""
    token_seconds: float = 1800.0
    most_records: int = 1000
    """Longest DS_BAN_GHI, and the largest page."""
    control_token: str = field(default="", repr=False)
    """Opens the control interface; without it there is none."""

    def __post_init__(self) -> None:
        if self.lgsp is None and self.client is None and self.account is None:
            raise NeedsPerson(
                "The sandbox platform needs an account: expected SANDBOX_PLATFORM_ACCESS_KEY and "
                "SANDBOX_PLATFORM_SECRET_KEY, SANDBOX_PLATFORM_CLIENT_ID and _CLIENT_SECRET, or SANDBOX_PLATFORM_USER "
                "and _PASSWORD; found none. Whoever starts the platform sets them in its environment."
            )


def same(given: object, expected: str) -> bool:
    """Whether a secret is the expected one, in a time that does not tell how much of it is."""
    text = given if isinstance(given, str) else ""
    return hmac.compare_digest(text.encode("utf-8", "replace"), expected.encode())
