"""The national catalogues that the sandbox portal gives out, in the portal's own upper-case keys."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

from lienthong.errors import NeedsPerson

Entry = dict[str, Any]

DEFAULT = Path(__file__).with_name("catalogue.json")


def department_id(code: str) -> str:
    """The portal's own key of a unit in the figures that it publishes, the same in every installation."""
    return str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{code}.dichvucong.example"))


class Catalogue:
    """Procedures, fields and agencies of one catalogue file, found by code."""

    def __init__(self, path: Path = DEFAULT) -> None:
        try:
            content: dict[str, list[Entry]] = json.loads(path.read_text(encoding="utf-8"))
            self.procedures = {entry["MATTHC"]: entry for entry in content["procedures"]}
            self.fields = {entry["MALINHVUC"]: entry for entry in content["fields"]}
            self.agencies = {entry["MADONVI"]: entry for entry in content["agencies"]}
            self.withdrawn = frozenset(k for k, v in self.procedures.items() if str(v["TRANGTHAI"]) != "1")
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise NeedsPerson(
                f"The portal's catalogue {path.name}: expected JSON with procedures, fields and agencies, found "
                f"{type(error).__name__}. Rebuild it with python -m lienthong.sandbox.make_catalogue."
            ) from None
        self._codes_by_name = {entry["TENDONVI"]: code for code, entry in self.agencies.items()}

    def agency_code(self, name: str) -> str | None:
        """The code of the agency that bears exactly this name, or None."""
        return self._codes_by_name.get(name)
