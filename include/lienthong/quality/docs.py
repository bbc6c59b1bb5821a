"""Pages that say what was judged, for departments and engineers: static, complete in themselves, without a value.

A *set* is a folder named after its day: an index and a page for each dataset, with every run of that window. Great
Expectations' own Data Docs are not used; decision 0014 says why.
"""

from __future__ import annotations

import re
import shutil
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from lienthong.batches import LOCAL
from lienthong.contracts import Contract
from lienthong.quality import docs_facts
from lienthong.quality.docs_facts import Page, RunLine
from lienthong.quality.whole import whole, write_whole
from lienthong.settings import TIMEZONE, Settings
from lienthong.warehouse.statements import statement
from lienthong.warehouse.store import Warehouse

KEEP = 30
"""Sets that are kept, and for as many days Great Expectations' results."""
LOCK = "data docs"
NAME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
HALF_MADE = re.compile(r"\.[0-9]{4}-[0-9]{2}-[0-9]{2}-.*")
SEEN = re.compile(r'<meta name="seen" content="([0-9a-f]{32})">')


def folder_of(settings: Settings) -> Path:
    """Where an installation keeps the pages."""
    return settings.var / "data_docs"


def judged_days(warehouse: Warehouse) -> list[date]:
    """Days of which there is something to show, newest first."""
    return list(docs_facts.days(warehouse, None))


def refresh(
    warehouse: Warehouse, contracts: Mapping[str, Contract], folder: Path, keep: int = KEEP
) -> tuple[date, ...]:
    """Build the sets of the newest ``keep`` days that changed since they were built; gives their days.

    A day that was judged again, read late or redriven is built again, others stay as they are on the disk."""
    with warehouse.alone(LOCK):
        found = docs_facts.days(warehouse, keep)
        changed = [day for day, seen in found.items() if _seen(folder / day.isoformat()) != seen]
        for day in changed:
            _build(warehouse, contracts, folder, day, found[day])
        _tidy(warehouse, folder, keep, max(found, default=None))
    return tuple(sorted(changed))


def build(warehouse: Warehouse, contracts: Mapping[str, Contract], folder: Path, day: date, keep: int = KEEP) -> Path:
    """Build the set of one day, whatever is there already, and keep it beside the newest ``keep``; gives its index.

    Older sets are removed, and with them what ``ops.validations`` holds of days before the oldest kept one: counts
    and verdicts stay in the ledger for ever, only Great Expectations' own wording goes."""
    with warehouse.alone(LOCK):
        _build(warehouse, contracts, folder, day, docs_facts.days(warehouse, None).get(day, ""))
        _tidy(warehouse, folder, keep, day)
    return folder / day.isoformat() / "index.html"


def _build(warehouse: Warehouse, contracts: Mapping[str, Contract], folder: Path, day: date, seen: str) -> None:
    pages = docs_facts.pages(warehouse, contracts, day)
    templates = _templates()
    with whole(folder / day.isoformat()) as fresh:
        index = templates.get_template("day.html.j2").render(day=day, pages=pages, seen=seen)
        (fresh / "index.html").write_text(index, encoding="utf-8")
        for page in pages:
            text = templates.get_template("dataset.html.j2").render(page=page)
            (fresh / f"{page.dataset}.html").write_text(text, encoding="utf-8")


def _seen(folder: Path) -> str:
    index = folder / "index.html"
    found = SEEN.search(index.read_text(encoding="utf-8")) if index.is_file() else None
    return found[1] if found else ""


def _tidy(warehouse: Warehouse, folder: Path, keep: int, built: date | None) -> None:
    """Remove what is older than the retention, then write the list of what is left."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.iterdir():
        if HALF_MADE.fullmatch(path.name):  # by a process that was killed; nobody else is at work here
            shutil.rmtree(path)
    days = sorted(date.fromisoformat(path.name) for path in folder.iterdir() if NAME.fullmatch(path.name))
    newest = days[-keep:]
    for day in days:
        if day not in newest and day != built:
            shutil.rmtree(folder / day.isoformat())
    left = sorted({*newest, *([built] if built else [])} & set(days), reverse=True)
    values: dict[str, Any] = {"timezone": TIMEZONE, "days": left, "oldest": newest[0] if len(days) > keep else None}
    with warehouse.session() as session:
        session.execute(statement(warehouse.home, "docs/forget"), values)
        sets = list(session.execute(statement(warehouse.home, "docs/sets"), values))
    text = _templates().get_template("sets.html.j2").render(sets=sets, keep=keep)
    write_whole(folder / "index.html", text)


@dataclass(frozen=True, slots=True)
class Sum:
    """One dataset and day over all of its readings: of each source, the newest that brought it."""

    rows: int
    rejected: int
    broken: int
    sources: int
    landed: int
    missing: int
    blocked: int


def sum_up(page: Page) -> Sum:
    """The numbers of the newest reading of each source; a second look at waiting rows adds nothing to them."""
    newest = {}
    for run in page.runs:
        for source in run.sources if run.kind == "read" else ():
            if not source.source.startswith("(") and (source.state != "missing" or source.source not in newest):
                newest[source.source] = source
    states = [source.state for source in newest.values()]
    broken = {rule.id for run in page.runs if run.kind == "read" for rule in run.broken}
    return Sum(
        sum(source.rows for source in newest.values()),
        sum(source.rejected for source in newest.values()),
        len(broken),
        len(states),
        states.count("landed"),
        states.count("missing"),
        states.count("blocked"),
    )


def _templates() -> Any:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    templates = Environment(
        loader=FileSystemLoader(Path(__file__).with_name("templates")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters |= {
        "inert": inert, "whole": _whole, "share_of": _share, "day": _day, "moment": _moment, "sum_up": sum_up,
        "run_title": _run_title, "anchor": lambda text: re.sub(r"[^a-z0-9_]", "-", text),
    }  # fmt: skip
    return templates


def inert(text: str) -> str:
    """The text with every character that hides or turns other characters written out, as in U+202E."""
    return "".join(
        f"[U+{ord(character):04X}]"
        if unicodedata.category(character) in ("Cc", "Cf", "Zl", "Zp", "Cs", "Co") and character != "\n"
        else character
        for character in text
    )


def _whole(number: int) -> str:
    return f"{number:,}".replace(",", ".")


def _share(part: int, of: int) -> str:
    """A share in per cent; what is not nothing is never shown as 0, and what is not all never as 100."""
    if not of:
        return "–"
    share = 100 * part / of
    if 0 < share < 0.01:
        return "< 0,01%"
    if 99.99 < share < 100:
        return "> 99,99%"
    return f"{share:.2f}".rstrip("0").rstrip(".").replace(".", ",") + "%"


def _day(day: date) -> str:
    return f"ngày {day:%d/%m/%Y}"


def _moment(moment: datetime) -> str:
    return f"{moment.astimezone(LOCAL):%H:%M ngày %d/%m/%Y}"


def _run_title(run: RunLine, place: int) -> str:
    return f"Lần {place}: đọc từ nguồn" if run.kind == "read" else f"Lần {place}: xét lại bản ghi đang giữ"
