"""What the control interface of the portal (``web_control``) has of its own.

POST   /_control/forget           {"ma_ho_so": ["..."]}   -> 200 {"forgotten": ["..."]}
POST   /_control/hold             {"ma_ho_so": "...", "fields": {"TrangThaiHoSo": "2"}}   -> 200 {"known": true}
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

    def hold(given: Mapping[str, Any]) -> dict[str, Any]:
        code, fields = given.get("ma_ho_so"), given.get("fields")
        if not isinstance(code, str) or not code or not isinstance(fields, dict):
            raise NeedsPerson("Hold: expected a dossier code under 'ma_ho_so' and texts by field under 'fields'.")
        if not all(isinstance(value, str) for value in fields.values()):
            raise NeedsPerson("Hold: expected texts under 'fields'.")
        return {"known": portal.hold(code, fields)}

    token = portal.options.control_token
    actions = {("POST", "forget"): forget, ("POST", "hold"): hold}
    return Control(token, "SANDBOX_PORTAL_CONTROL_TOKEN", portal.misbehaviour, actions)
