"""How one sandbox portal behaves when it behaves well."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from lienthong.errors import NeedsPerson
from lienthong.sandbox.portal_catalogue import DEFAULT
from lienthong.sandbox.portal_validation import PROFILES

CODE_TYPES = ("number", "string", "padded")
"""``0``, ``"0"`` and ``"00"``: every form in which clients have met success."""
NATIONAL_PORTAL = "VN:GOV:000.00.00.G22:vpcpdvcprovider"


@dataclass(frozen=True, slots=True)
class PortalOptions:
    """Every switch of the portal with the default that stands in for what is not known of the real one."""

    data: Path
    """Folder of the acceptance log; nothing is written elsewhere."""
    user: str
    password: str = field(repr=False)
    profile: str = "strict"
    session_seconds: float = 900.0
    login_code: str = "number"
    """Type of ``error_code`` in answers to the login."""
    service_code: str = "string"
    """Type of ``error_code`` in every other answer."""
    partial: bool = False
    """Keep the good records of an array that has bad ones; otherwise it is all or nothing."""
    madonvi: str = "H15"
    """Agency that the account belongs to; the agencies below it may call too."""
    dstcodes: tuple[str, ...] = (NATIONAL_PORTAL,)
    max_body_bytes: int | None = None
    max_records: int | None = None
    control_token: str = field(default="", repr=False)
    """Opens the control interface; without it there is none."""
    catalogue: Path = DEFAULT

    def __post_init__(self) -> None:
        if not self.user or not self.password:
            raise NeedsPerson(
                "The sandbox portal needs an account: expected SANDBOX_PORTAL_USER and SANDBOX_PORTAL_PASSWORD, "
                "found none. Whoever starts the portal sets them in its environment."
            )
        for name, value, allowed in (
            ("profile", self.profile, PROFILES),
            ("login_code", self.login_code, CODE_TYPES),
            ("service_code", self.service_code, CODE_TYPES),
        ):
            if value not in allowed:
                raise NeedsPerson(
                    f"Sandbox portal: {name} must be one of {', '.join(allowed)}; found {value!r}. "
                    "Whoever starts the portal mends its options."
                )
