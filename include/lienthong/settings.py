"""What differs between machines, read from the environment when a task runs and never at import."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, time, timedelta
from pathlib import Path
from typing import Any

from lienthong.errors import NeedsPerson

ROOT = Path(__file__).resolve().parents[2]
TIMEZONE = "Asia/Ho_Chi_Minh"
PROVINCE = "Đắk Lắk"
INDICATORS_FROM = date(2025, 7, 1)
"""Since then a province has communes and no districts: what was before cannot be compared by unit."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Paths and limits of one installation; every field has a variable ``LIENTHONG_<FIELD>``."""

    home: Path
    """Folder of the repository: holds ``expectations/``, ``sql/`` and ``dags/``."""
    var: Path
    """Folder for everything that runs write: databases, logs, reports."""
    agency: str
    """Agency code of the province on the national portal."""
    lanes: int
    """Number of mapped extract tasks of one dataset."""
    readers: int
    """Sources that one lane reads side by side."""
    province: str = PROVINCE
    """Name of the province as addresses end with it."""
    indicators_from: date = INDICATORS_FROM
    """No period of the indicators begins before this day; older dossiers count as carried over."""
    mail_from: str = "lien-thong@daklak.example"
    """Mailbox that letters come from; what stands behind its @ names the installation in Message-IDs."""
    console_url: str = ""
    """Address of the console that letters link to; empty for none."""
    docs_url: str = ""
    """Address of the pages of validation results that letters link to; empty for none."""
    office_hours: tuple[time, time] = (time(7), time(17))
    """First and last moment of a working day, local time, at which letters are written."""
    digest_at: time = time(7, 30)
    """When the daily digests are written, within the office hours."""
    gather: timedelta = timedelta(minutes=2)
    """How long a problem waits for others of its kind before its letter is written."""
    cooling_off: timedelta = timedelta(hours=24)
    """A problem that comes back within this time is the same problem and is not told at once again."""
    escalate_after: int = 3
    """Working days after which the province's data team is told of a problem that its owner was told."""
    summary_from: int = 5
    """Number of units with the same problem from which on the province gets a summary."""
    personal_data: tuple[str, ...] = ()
    """User names of Airflow to whom the console may show personal values of a held row; empty for nobody."""
    anchors: Path | None = None
    """Folder in which the heads of the chains of receipts are noted; None for ``anchors`` in ``var``."""

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> Settings:
        """Read the settings; a malformed value is refused by its variable's name."""
        values = os.environ if env is None else env
        home = Path(values.get("LIENTHONG_HOME", str(ROOT)))
        return cls(
            home=home,
            var=Path(values.get("LIENTHONG_VAR", str(home / "var"))),
            agency=values.get("LIENTHONG_AGENCY", "H15"),
            lanes=_positive(values, "LIENTHONG_LANES", 2),
            readers=_positive(values, "LIENTHONG_READERS", 4),
            province=values.get("LIENTHONG_PROVINCE") or PROVINCE,
            indicators_from=_day(values, "LIENTHONG_INDICATORS_FROM", INDICATORS_FROM),
            anchors=Path(values["LIENTHONG_ANCHORS"]) if values.get("LIENTHONG_ANCHORS") else None,
            personal_data=_listed(values, "LIENTHONG_PERSONAL_DATA"),
            **_alerts(values),
        )


def _alerts(values: Mapping[str, str]) -> dict[str, Any]:
    opens, closes = _hours(values, "LIENTHONG_OFFICE_HOURS", "07:00-17:00")
    digest_at = _clock(values, "LIENTHONG_DIGEST_AT", "07:30")
    if not opens <= digest_at < closes:
        raise NeedsPerson(
            f"LIENTHONG_DIGEST_AT must lie within LIENTHONG_OFFICE_HOURS; it is {digest_at:%H:%M} and the office is "
            f"open from {opens:%H:%M} to {closes:%H:%M}. Mend one of them in the environment."
        )
    return {
        "mail_from": _mailbox(values, "LIENTHONG_MAIL_FROM", "lien-thong@daklak.example"),
        "console_url": _url(values, "LIENTHONG_CONSOLE_URL"),
        "docs_url": _url(values, "LIENTHONG_DOCS_URL"),
        "office_hours": (opens, closes),
        "digest_at": digest_at,
        "gather": timedelta(seconds=_positive(values, "LIENTHONG_GATHER", 120, least=0)),
        "cooling_off": timedelta(hours=_positive(values, "LIENTHONG_COOLING_OFF", 24, least=0)),
        "escalate_after": _positive(values, "LIENTHONG_ESCALATE_AFTER", 3),
        "summary_from": _positive(values, "LIENTHONG_SUMMARY_FROM", 5),
    }


def _mailbox(values: Mapping[str, str], name: str, default: str) -> str:
    text = values.get(name) or default
    if not re.fullmatch(r"[A-Za-z0-9._+-]+@[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?", text):
        raise NeedsPerson(f"{name} must be one mailbox, name@domain; it is {text!r}. Mend it in the environment.")
    return text


def _listed(values: Mapping[str, str], name: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in values.get(name, "").split(",") if part.strip())


def _url(values: Mapping[str, str], name: str) -> str:
    text = values.get(name, "")
    if text and not re.fullmatch(r"https?://[^\s<>\"']+", text):
        raise NeedsPerson(f"{name} must be empty or begin with http:// or https://; it is {text!r}.")
    return text.rstrip("/")


def _day(values: Mapping[str, str], name: str, default: date) -> date:
    text = values.get(name) or str(default)
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise NeedsPerson(f"{name} must be a day like {default}; it is {text!r}. Mend it in the environment.") from None


def _clock(values: Mapping[str, str], name: str, default: str) -> time:
    text = values.get(name) or default
    found = re.fullmatch(r"([01][0-9]|2[0-3]):([0-5][0-9])", text)
    if not found:
        raise NeedsPerson(f"{name} must be a time of day like {default}; it is {text!r}. Mend it in the environment.")
    return time(int(found[1]), int(found[2]))


def _hours(values: Mapping[str, str], name: str, default: str) -> tuple[time, time]:
    text = values.get(name) or default
    opens, _, closes = text.partition("-")
    try:
        found = _clock({name: opens}, name, ""), _clock({name: closes}, name, "")
    except NeedsPerson:
        found = (time(), time())
    if found[0] >= found[1]:
        raise NeedsPerson(
            f"{name} must be two times of one day like {default}; it is {text!r}. Mend it in the environment."
        )
    return found


def _positive(values: Mapping[str, str], name: str, default: int, *, least: int = 1) -> int:
    text = values.get(name, str(default))
    if not re.fullmatch("[0-9]{1,6}", text) or int(text) < least:
        raise NeedsPerson(f"{name} must be a whole number from {least}; it is {text!r}. Mend it in the environment.")
    return int(text)
