"""What the control interface of the portal (``web_control``) has of its own.

POST   /_control/forget           {"ma_ho_so": ["..."]}   -> 200 {"forgotten": ["..."]}
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lienthong.errors import NeedsPerson
from lienthong.sandbox.portal_services import Portal
from lienthong.sandbox.web_control import Control


def control(portal: Portal) -> Control:
    """Lets a test or a demonstration change how the portal behaves."""

    def forget(given: Mapping[str, Any]) -> dict[str, Any]:
        codes = given.get("ma_ho_so")
        if not isinstance(codes, list) or not all(isinstance(code, str) for code in codes):
            raise NeedsPerson("Forget: expected a list of dossier codes under 'ma_ho_so'.")
        return {"forgotten": portal.forget(codes)}

    token = portal.options.control_token
    return Control(token, "SANDBOX_PORTAL_CONTROL_TOKEN", portal.misbehaviour, {("POST", "forget"): forget})
