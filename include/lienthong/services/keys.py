"""Passwords and keys are made once, kept in files that only their owner can read, and never printed by a service."""

from __future__ import annotations

import base64
import json
import os
import secrets
import string
from dataclasses import dataclass, fields
from pathlib import Path

from lienthong.errors import NeedsPerson

USER = "admin"
FEEDER = "backfills"
"""The account with which the queue of backfills asks Airflow: it may run DAGs, and see no connection or variable."""
READABLE = string.ascii_letters + string.digits


@dataclass(frozen=True, slots=True, repr=False)
class Keys:
    """Everything secret of one embedded installation. It has no ``repr`` that could leak."""

    jwt: str
    """Signs the tokens of Airflow's API; the same in every component."""
    fernet: str
    """Encrypts what Airflow keeps in its database."""
    api: str
    """Signs the sessions of Airflow's UI."""
    admin: str
    """Password of the user ``admin`` in Airflow's UI."""
    feeder: str
    """Password of the account ``backfills``, which tasks know."""
    portal: str
    """Password of the province on the sandboxed portal."""
    control: str
    """Token with which tests make the sandbox's servers misbehave."""
    platform_access: str
    """AccessKey of the province on the sandboxed shared platform."""
    platform_secret: str
    """SecretKey of the province on the sandboxed shared platform."""
    centre: str
    """Key that the sandboxed monitoring centre asks for."""
    app: str
    """Key that the sandboxed public app asks for."""


def load(folder: Path) -> Keys:
    """Read the keys of this installation; those that do not exist yet are made."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    path = folder / "keys.json"
    known = _read(path)
    made = {field.name: known.get(field.name) or _make(field.name) for field in fields(Keys)}
    if made != known:
        write_private(path, json.dumps(made, indent=2))
    keys = Keys(**made)
    accounts = folder / "airflow_users.json"
    known_to_airflow = {USER: keys.admin, FEEDER: keys.feeder}
    if _read(accounts) != known_to_airflow:
        write_private(accounts, json.dumps(known_to_airflow) + "\n")
    return keys


def write_private(path: Path, text: str) -> None:
    """Replace a file whole, readable by its owner alone."""
    scratch = path.with_name(f".{path.name}.new")
    scratch.unlink(missing_ok=True)
    with os.fdopen(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    scratch.replace(path)


def _read(path: Path) -> dict[str, str]:
    try:
        content: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (ValueError, OSError) as error:
        raise NeedsPerson(
            f"{path} cannot be read as JSON ({type(error).__name__}). Delete it to have new keys made; "
            "what Airflow encrypted with the old ones is then lost."
        ) from None
    return content


def _make(name: str) -> str:
    if name == "fernet":
        return base64.urlsafe_b64encode(os.urandom(32)).decode()
    if name in ("admin", "portal"):
        return "".join(secrets.choice(READABLE) for _ in range(20))
    return secrets.token_hex(32)
