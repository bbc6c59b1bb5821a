"""What Airflow's own pages show of us in a tab: what a DAG, a run or a task is about here, and the way to its page.

The tab is a frame that lets no link leave it, so it leads to pages of the console only. Asked for outside of a frame,
as by a task's button, the same address leads on to the page itself.
"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from lienthong.alerts.telling import PSEUDO_RULES, UNKNOWN_RULE
from lienthong.console.answer import desk_of, page, visit_of
from lienthong.console.queries import Look
from lienthong.endpoints import ENDPOINTS
from lienthong.warehouse.ledger import WAITING
from lienthong.warehouse.statements import statement
from lienthong.warehouse.store import one

READ = ["GET", "HEAD"]
MOST_RUNS = 20
MOST_RULES = 20
PLACES = {
    "alerts": ("alerts",),
    "backfills": ("backfills",),
    "compare": ("reconciliation",),
    "reconcile": ("reconciliation",),
    "late_sources": ("quarantine",),
    "scorecard": ("indicators",),
}
"""The page of the console that each DAG of ours is about; of any other it is the overview."""
routes = APIRouter()


@routes.api_route("/airflow/dags/{dag_id}", methods=READ)
def of_dag(request: Request, dag_id: str) -> Response:
    """A DAG: its dataset or receiver, as it stands."""
    return _shown(request, dag_id, "")


@routes.api_route("/airflow/dags/{dag_id}/runs/{run_id}", methods=READ)
def of_run(request: Request, dag_id: str, run_id: str) -> Response:
    """One run of a DAG: what it read, held and promoted."""
    return _shown(request, dag_id, run_id)


@routes.api_route("/airflow/dags/{dag_id}/tasks/{task_id}", methods=READ)
def of_task(request: Request, dag_id: str, task_id: str) -> Response:
    """A task of a DAG is about what its DAG is about."""
    return _shown(request, dag_id, "", task_id)


@routes.api_route("/airflow/dags/{dag_id}/runs/{run_id}/tasks/{task_id}", methods=READ)
def of_task_instance(request: Request, dag_id: str, run_id: str, task_id: str) -> Response:
    """A task of one run: what the run read, held and promoted."""
    return _shown(request, dag_id, run_id, task_id)


def place_of(dag_id: str) -> tuple[str, ...]:
    """The page of the console that a DAG is about, as steps of its address."""
    kind, _, name = dag_id.partition(".")
    if kind == "ingest" and name:
        return ("datasets", name)
    if kind == "publish" and name in ENDPOINTS:
        return ("endpoints", name)
    return PLACES.get(dag_id, ("",))


def _shown(request: Request, dag_id: str, run_id: str, task_id: str = "") -> Response:
    visit = visit_of(request)
    place = place_of(dag_id)
    if not visit.framed:
        return RedirectResponse(visit.url(*place), 303)
    with desk_of(request).look() as look:
        if place[0] == "datasets" and place[1] not in look.contracts:
            place = ("",)
        view = {"now": look.now, "dag_id": dag_id, "dag_run_id": run_id, "task_id": task_id, "place": place,
                "title": _title(look, place), **_standing(look, place), **_done(look, dag_id, run_id)}  # fmt: skip
    return page(request, "airflow.html.j2", view)


def _title(look: Look, place: tuple[str, ...]) -> str:
    return look.contracts[place[1]].title if place[0] == "datasets" else place[-1]


def _standing(look: Look, place: tuple[str, ...]) -> dict[str, Any]:
    """What is open about a dataset, or how a receiver answers."""
    view: dict[str, Any] = {"problems": 0, "held": 0, "one": None, "newest": []}
    if place[0] == "datasets":
        _, view["problems"] = look.problems(dataset=place[1], most=1)
        held = "SELECT count(*) AS held FROM quarantine.rows WHERE dataset = %s AND state = 'open'"
        view["held"] = one(look.session, held, [place[1]])["held"]
        view["newest"] = look.runs(place[1])[:5]
    if place[0] == "endpoints":
        rows = look.session.execute(statement(look.home, "console/endpoints"), {"endpoints": [place[1]]})
        view["one"] = rows.fetchone()
    return view


def _done(look: Look, dag_id: str, run_id: str) -> dict[str, Any]:
    """The runs of the ledger that a run of Airflow opened, and the rules that their rows broke."""
    if not run_id:
        return {"runs": [], "rules": []}
    asked = {"dag_id": dag_id, "dag_run_id": run_id, "most": MOST_RUNS, "waiting": WAITING}
    rows = look.session.execute(statement(look.home, "console/airflow_runs"), asked)
    by_unit = {name for name, contract in look.contracts.items() if contract.source.for_each}
    runs = [{**row, "by_unit": row["dataset"] in by_unit} for row in rows]
    wanted = {"runs": [run["run_id"] for run in runs], "most": MOST_RULES}
    rules = list(look.session.execute(statement(look.home, "console/airflow_rules"), wanted))
    return {"runs": runs, "rules": [{**row, "sentence": _sentence(look, row["dataset"], row["rule"])} for row in rules]}


def _sentence(look: Look, dataset: str, name: str) -> str:
    contract = look.contracts.get(dataset)
    known = {rule.id: rule.sentence for rule in contract.rules} if contract else {}
    return known.get(name) or PSEUDO_RULES.get(name, UNKNOWN_RULE)
