"""Templates to pages: everything is escaped, every address keeps the language, and what comes from outside is inert."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from lienthong.alerts.letter import showable, showable_code
from lienthong.console import words
from lienthong.console.words import STATES

FOLDER = Path(__file__).parent
LONGEST = 600


class Visit:
    """Who looks from where: the language, the console's own address and Airflow's.

    ``framed`` is a page in a tab of Airflow's own: a link to Airflow would open Airflow within Airflow there."""

    def __init__(self, base: str, airflow: str, path: str, query: Mapping[str, str], framed: bool = False) -> None:
        self.base, self.airflow, self.path, self.framed = base, airflow, path, framed
        self.query = {name: value for name, value in query.items() if name != "lang"}
        self.language = "en" if query.get("lang") == "en" else "vi"

    def url(self, *parts: str | int, **query: str) -> str:
        """An address of the console; each part is one step of the path."""
        path = "/".join(quote(str(part), safe="") for part in parts)
        return _with(f"{self.base}/{path}", query, self.language)

    def dag(self, dag_id: str) -> str:
        """The page of a DAG in Airflow; within Airflow's own pages, what the console shows of it."""
        return self.url("airflow", "dags", dag_id) if self.framed else f"{self.airflow}/dags/{quote(dag_id, safe='')}"

    def run(self, dag_id: str, run_id: str, otherwise: str) -> str:
        """The page of a run, as ``dag``; ``otherwise`` is where Airflow has it."""
        return self.url("airflow", "dags", dag_id, "runs", run_id) if self.framed else otherwise

    def other_language(self) -> str:
        """This page in the other language."""
        return _with(f"{self.base}{quote(self.path)}", self.query, "vi" if self.language == "en" else "en")

    def t(self, vi: str, en: str) -> str:
        """The words of the language."""
        return en if self.language == "en" else vi


def _with(address: str, query: Mapping[str, str], language: str) -> str:
    given = {name: value for name, value in query.items() if value} | ({"lang": "en"} if language == "en" else {})
    return f"{address}?{urlencode(given)}" if given else address


def page(visit: Visit, template: str, **view: Any) -> str:
    """A template with what it shows; a value that it lacks is an error and never an empty place."""
    language = visit.language
    tools = {
        "visit": visit,
        "url": visit.url,
        "t": visit.t,
        "word": partial(words.text, language),
        "kind": partial(words.problem, language),
        "receiver": partial(words.receiver, language),
        "tone": words.tone,
        "states": STATES,
        "n": partial(words.whole, language),
        "share": partial(words.share, language),
        "day": partial(words.day, language),
        "moment": partial(words.moment, language),
        "span": partial(words.span, language),
        "age": partial(words.age, language),
        "schedule": partial(words.schedule, language),
        "lasts": partial(words.lasts, language),
        "css": css_name(),
    }
    return _environment().get_template(template).render(**tools, **view)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["show"] = lambda text, limit=LONGEST: showable(str(text), limit)
    environment.filters["code"] = lambda text: showable_code(str(text), LONGEST)
    environment.filters["head"] = lambda text: text[:1].upper() + text[1:]
    return environment


@cache
def css() -> bytes:
    """The one style sheet."""
    return (FOLDER / "console.css").read_bytes()


@cache
def css_name() -> str:
    """Its name, another one for another content."""
    return f"console-{hashlib.sha256(css()).hexdigest()[:12]}.css"
