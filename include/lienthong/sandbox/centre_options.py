"""How the sandboxed monitoring centre behaves when it behaves well."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

CONTEXT_PATH = "/ngsi-context.jsonld"
"""Where the centre serves the published context, so that the style with a Link header works without a network."""


@dataclass(frozen=True, slots=True)
class CentreOptions:
    """Every switch of the centre; the default tenant is always there."""

    data: Path
    """Folder of the acceptance log; nothing is written elsewhere."""
    key: str = field(default="", repr=False)
    """Asked of every caller of the interface, as a bearer token or in ``X-Auth-Token``; empty lets everybody in."""
    tenants: tuple[str, ...] = ()
    contexts: tuple[str, ...] = ()
    """Addresses of further contexts that the centre can get, beside the core context and its own file."""
    context_file: Path = Path(__file__).parents[1] / "ngsi" / "ngsi-context.jsonld"
    """The published one, as the package has it."""
    echo: bool = True
    """Whether answers name the tenant; a centre that does not may have dropped the header."""
    max_body_bytes: int = 2_000_000
    most_listed: int = 1000
    """Largest page of a query."""
    control_token: str = field(default="", repr=False)
    """Opens the control interface; without it there is none."""
