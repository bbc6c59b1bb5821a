"""A province in trouble with hostile names in it, and the console over it on loopback."""

import json
import threading
import time
from contextlib import contextmanager
from html.parser import HTMLParser

import requests
import uvicorn
from fastapi import HTTPException, Request

from lienthong.console.acting import Person, Seals
from lienthong.console.app import make
from lienthong.console.desk import Desk
from lienthong.indicators.refresh import refresh
from lienthong.settings import Settings
from lienthong.warehouse import marts
from lienthong.warehouse.store import one

from ..indicators import world as dossiers
from ..sql.alert_stories import DOWN, EA_BUNG, EA_SUP, Story
from ..sql.builders import day

HOSTILE = '<script>alert("x")</script>"\'><img src=x onerror=alert(1)>\u202e'
BLOCKED, DRIFTED = "H15.133", "H15.134"
SECRET = b"for the tests of the console"
SEALS = Seals(SECRET)
PERSON = "Hờ Đánh Dấu"
"""A name that stands in a held row; where it turns up, it has leaked."""


def guard(request: Request):
    """In place of Airflow's check, which ``test_airflow`` tries: nobody, somebody without the right, somebody."""
    who = request.cookies.get("who")
    if who is None:
        raise HTTPException(401, "Not authenticated")
    if who not in ("viewer", "operator", "steward", "curious"):
        raise HTTPException(403, "Forbidden")


def troubled(province, contracts):
    """Units that are down, changed, blocked, late and holding rows; other holders; letters; hostile names."""
    story = Story(province, contracts).at(5, 9)
    with province.session() as session:
        session.execute("UPDATE core.don_vi SET ten_don_vi = %s WHERE ma_don_vi = %s", [HOSTILE, EA_BUNG])
    story.contact(EA_SUP)
    story.contact("")
    for unit in story.units:
        for number in (3, 4):
            for name in ("ho_so", "tien_trinh"):
                failing = DOWN if unit == EA_BUNG and number == 4 else None
                story.source(unit, day(number), failing, dataset=name, reason=f"máy chủ tắt {HOSTILE}")
    with province.session() as session:
        session.execute(
            "INSERT INTO ops.watermarks (dataset, source, window_end) SELECT r.dataset, b.source, max(r.window_end)"
            " FROM ops.batches b JOIN ops.runs r USING (run_id) WHERE b.state = 'landed' GROUP BY 1, 2"
        )
    story.hold(
        EA_SUP, *[f"{EA_SUP}-250905-{number:04d}" for number in range(1, 13)], trich_yeu=PERSON, chu_ho_so=PERSON
    )
    story.hold(EA_BUNG, HOSTILE, rules=("ma_tthc_ton_tai", f"quy_tac{HOSTILE}"))
    problem(province, "schema_drift", "ho_so", DRIFTED, reason=HOSTILE, lines=[f"Thiếu cột {HOSTILE}"],
            proposal=f"- name: {HOSTILE}")  # fmt: skip
    problem(province, "blocked", "ho_so", BLOCKED, rules={"ma_ho_so_bat_buoc": 40})
    problem(province, "shrunk", "thua_dat", "csdl_thua_dat", count=7, held=100, gone=7)
    problem(province, "conflict", "doanh_nghiep", "csdl_doanh_nghiep_dia_phuong", count=3,
            rules={"national_changed": 3}, keys={"national_changed": ["6000000001", HOSTILE]})  # fmt: skip
    problem(province, "ended_code", "dia_chi_so_nha", "csdl_dia_chi_so_nha", count=2, codes=[
        {"column": "ma_xa", "code": "24133", "ended": "2025-07-01", "successor": "24169", "count": 2,
         "keys": ["SN-000001", "SN-000002"]}])  # fmt: skip
    problem(province, "stale", "", "")
    with province.session() as session:
        session.cursor().executemany(
            "INSERT INTO quarantine.conflicts (dataset, holder, record_key, kind, columns, theirs) VALUES"
            " ('doanh_nghiep', 'csdl_doanh_nghiep_dia_phuong', %s, 'changed', %s, %s)",
            [(f"600000000{n}", ["nguoi_dai_dien", HOSTILE], json.dumps({"x": PERSON})) for n in (1, 2, 3)],
        )
    story.tick()
    with province.session() as session:
        session.execute(
            "UPDATE ops.letters SET state = 'dead', reason = %s WHERE unit = '' AND role = 'province'",
            [f"550 <to.du.lieu@tinh.example> {HOSTILE}"],
        )
        session.execute(
            "UPDATE ops.problems SET acknowledged_by = %s, acknowledged_at = ops.moment(), acknowledgement = %s,"
            " acknowledged_until = ops.moment() + interval '2 days' WHERE kind = 'schema_drift'",
            [HOSTILE, HOSTILE],
        )
    score(province, contracts)
    judged(province)
    operated(province)
    reconciled(province)
    counted(province)
    return story


DOSSIER = f"{EA_SUP}-250903-0001"
"""A dossier that the portal took and whose second step it refused."""


def operated(warehouse):
    """What receivers answered and refused, backfills, and what people did; hostile wherever somebody else writes."""
    window = day(3)
    with warehouse.session() as session:
        run = one(session, "SELECT min(run_id) AS run FROM ops.runs")["run"]
        session.cursor().executemany(
            "INSERT INTO publish.outbox (endpoint, dataset, record_key, version, order_key, state, reason, run_id,"
            " settled_at) VALUES ('national_portal', %s, %s, %s, %s, %s, %s, %s, now())",
            [
                ("ho_so", DOSSIER, 1, DOSSIER, "done", None, run),
                ("tien_trinh", f"{DOSSIER}|2025-09-03 08:00:00|2", 1, DOSSIER, "dead", f"sai {HOSTILE}", run),
                ("ho_so", HOSTILE, 1, HOSTILE, "dead", f"sai {HOSTILE}", run),
                ("ho_so", f"{EA_SUP}-250903-0002", 1, "x", "dead", "Mã thủ tục không tồn tại", run),
                ("ho_so", f"{EA_SUP}-250903-0003", 1, "x", "dead", "Mã thủ tục không tồn tại", run),
                ("ho_so", f"{EA_SUP}-250903-0003", 2, "x", "done", None, run),
                ("ho_so", f"{EA_SUP}-250903-0004", 1, "x", "pending", None, run),
            ],
        )
        session.cursor().executemany(
            "INSERT INTO publish.receipts (endpoint, place, dataset, record_key, version, outcome, code, message,"
            " request_id, body_sha256, answered_at, previous, hash)"
            " VALUES ('national_portal', %s, %s, %s, 1, %s, %s, %s, 'r', 'b', now(), 'p', %s)",
            [(1, "ho_so", DOSSIER, "accepted", "0", "thành công", "a" * 64),
             (2, "tien_trinh", f"{DOSSIER}|2025-09-03 08:00:00|2", "refused", "sai", HOSTILE, "b" * 64)],
        )  # fmt: skip
        session.execute(
            "INSERT INTO publish.calls (request_id, endpoint, service, records, outcome, code, message, started_at,"
            " seconds) VALUES ('1', 'national_portal', 'x', 40, 'accepted', '0', '', now() - interval '5 minutes', 1),"
            " ('2', 'national_portal', 'x', 2, 'unanswered', '503', %s, now(), 1)", [HOSTILE],
        )  # fmt: skip
        session.execute(
            "INSERT INTO ops.backfills (datasets, units, first_day, last_day, held, asked_by)"
            " VALUES ('{ho_so,tien_trinh}', '{}', %s, %s, true, %s), ('{ho_so}', %s, %s, %s, false, 'op')",
            [window.day, window.day, HOSTILE, [EA_BUNG], window.day, window.day],
        )
        session.execute(
            "INSERT INTO ops.backfill_parts (backfill_id, number, dataset, first_day, last_day, state)"
            " SELECT backfill_id, 1, 'ho_so', first_day, last_day, 'running' FROM ops.backfills"
        )
        session.execute("INSERT INTO ops.backfill_acts (backfill_id, act, by) VALUES (1, 'asked', %s)", [HOSTILE])
        session.execute(
            "INSERT INTO ops.acts (by, act, dataset, place, subject, reason)"
            " VALUES (%s, 'redrive', 'ho_so', %s, %s, %s)",
            [HOSTILE] * 4,
        )


def judged(warehouse):
    """How often one rule was broken, window by window, and by whom."""
    with warehouse.session() as session:
        session.execute("UPDATE ops.runs SET judged_at = now() WHERE dataset = 'ho_so'")
        session.execute(
            "INSERT INTO ops.verdicts (run_id, rule, severity, expectation, checked, failing)"
            " SELECT run_id, 'ma_tthc_ton_tai', 'quarantine', 'x', 200, 5 * row_number() OVER (ORDER BY run_id)"
            " FROM ops.runs WHERE dataset = 'ho_so'"
        )
        session.execute(
            "INSERT INTO ops.verdict_sources (run_id, rule, source, failing)"
            " SELECT run_id, rule, %s, failing FROM ops.verdicts", [EA_BUNG],
        )  # fmt: skip


def reconciled(warehouse):
    """One look at the portal and one at the public app; what differs has hostile keys, fields and reasons."""
    with warehouse.session() as session:
        session.execute(
            "INSERT INTO ops.reconciliations (endpoint, state, day) VALUES ('national_portal', 'open', '2025-09-05'),"
            " ('public_app', 'done', '2025-09-05')"
        )
        session.execute(
            "INSERT INTO ops.reconciled (reconciliation_id, dataset, knows, records, accepted, on_the_way, held_back,"
            " waiting_parent, refused, not_told, unaccounted, orphans) VALUES"
            " (1, 'ho_so', 'list', 100, 90, 3, 1, 0, 4, 1, 1, 1),"
            " (1, 'tien_trinh', 'receipts', 60, 58, 1, 0, 1, 0, 0, 0, 0)"
        )
        session.cursor().executemany(
            "INSERT INTO ops.reconciliation_parts (reconciliation_id, number, dataset, unit, first_day, last_day,"
            " state, held, expected, equal, differing, on_the_way, reason, looked_at) VALUES (1, %s, 'ho_so', %s,"
            " '2025-09-01', '2025-09-03', %s, %s, %s, %s, %s, 0, %s, now())",
            [(1, EA_SUP, "looked", 40, 42, 39, 3, None),
             (2, EA_BUNG, "refused", 2, 40, 2, 38, f"holds 2 of 40 {HOSTILE}"),
             (3, "H15.133", "planned", None, None, None, None, None)],
        )  # fmt: skip
        session.cursor().executemany(
            "INSERT INTO ops.differences (endpoint, dataset, record_key, kind, fields, version, unit, day,"
            " reconciliation_id) VALUES ('national_portal', 'ho_so', %s, %s, %s, %s, %s, '2025-09-03', 1)",
            [(DOSSIER, "missing", [], 1, EA_SUP),
             (f"{EA_SUP}-250903-0002", "different", ["trich_yeu", HOSTILE], 1, EA_SUP),
             (HOSTILE, "extra", [], None, EA_SUP), (f"{EA_SUP}-250903-0009", "orphan", [], 1, "")],
        )  # fmt: skip
        session.execute(
            "INSERT INTO ops.comparisons (dataset, holder, window_end, theirs, equal, differing, on_the_way,"
            " sent_again) VALUES ('doanh_nghiep', 'csdl_doanh_nghiep_dia_phuong', now(), 50, 47, 3, 0, 0)"
        )


OFFICER = "Lò Ghi Dấu"
"""How the names of officers begin; where it turns up, one has leaked."""


def counted(warehouse):
    """Dossiers of five units with indicators made of them; their owners and officers have names that must not leak."""
    headers, steps = dossiers.lives(5, count=400, days=45)
    for header in headers:
        header.update(chu_ho_so=PERSON, trich_yeu=PERSON)
    for step in steps:
        step["nguoi_xu_ly"] = f"{OFFICER} {step['nguoi_xu_ly'][-1]}"
    with warehouse.session() as session:
        session.execute(
            "UPDATE core.don_vi SET loai = CASE WHEN ma_don_vi ~ '[.][0-9]{3}$' THEN 'COMMUNE_PEOPLE_COMMITTEE'"
            " ELSE 'PROVINCIAL_DEPARTMENT' END"
        )
    procedures = [
        {"ma_tthc": code, "thoi_gian_giai_quyet": amount, "don_vi_tinh": unit, "ma_ket_qua": result}
        for code, amount, unit, result in dossiers.PROCEDURES
    ]
    dossiers.write(warehouse, thu_tuc=procedures, ho_so=headers, tien_trinh=steps)
    refresh(warehouse, "H15")


def problem(warehouse, kind, dataset, source, count=0, **details):
    """A problem as the machinery notes it."""
    with warehouse.session() as session:
        session.execute(
            "INSERT INTO ops.problems (kind, dataset, source, first_window, last_window, count, details)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s)",
            [kind, dataset, source, day(4).start, day(4).start, count, json.dumps(details)],
        )


def score(warehouse, contracts):
    """Deliveries and dimensions of every landed batch, and the scorecard made of them."""
    with warehouse.session() as session:
        session.execute(
            "INSERT INTO ops.deliveries (run_id, source, rejected, delivered_at, due_at)"
            " SELECT b.run_id, b.source, 0, r.window_end, r.window_end + interval '1 day' FROM ops.batches b"
            " JOIN ops.runs r USING (run_id) WHERE b.state = 'landed' ON CONFLICT DO NOTHING"
        )
        session.execute(
            "INSERT INTO ops.verdict_dimensions (run_id, source, dimension, checked, failing)"
            " SELECT run_id, source, 'validity', 200, 2 FROM ops.deliveries ON CONFLICT DO NOTHING"
        )
    marts.refresh(warehouse)


def person(request: Request):
    """In place of Airflow's answer on what somebody may do: an operator may act, but not have ``tien_trinh`` read; a
    steward may see persons besides, and a curious viewer is named for it without the right to act."""
    name = request.cookies.get("who", "")
    acts = name in ("operator", "steward")
    return Person(
        name or "nobody", lambda dag: acts and dag != "ingest.tien_trinh", lambda: name in ("steward", "curious")
    )


class Console:
    """A running console and somebody who looks at it."""

    def __init__(self, port, desk):
        self.address = f"http://127.0.0.1:{port}/lienthong"
        self.woken = desk.woken

    def post(self, path, values, who="operator", seal=None, headers=None):
        """Send a form as a browser does, with the mark that the page of backfills gives this person."""
        seal = SEALS.make(who) if seal is None else seal
        origin = self.address.removesuffix("/lienthong")
        return self.get(path, who, "POST", data={"seal": seal, **values}, headers={"Origin": origin, **(headers or {})})

    def get(self, path, who="viewer", method="GET", **given):
        cookies = {"who": who} if who else {}
        return requests.request(
            method, f"{self.address}{path}", cookies=cookies, timeout=20, allow_redirects=False, **given
        )


class StillDesk(Desk):
    """A desk without an Airflow to be woken: it keeps what would have been."""

    def __init__(self, *given):
        super().__init__(*given)
        self.woken = []

    def wake(self, dag_id):
        self.woken.append(dag_id)


@contextmanager
def serving(warehouse, guard=guard, person=person, **settings):
    """The application below the prefix that it has in Airflow, served by a real server."""
    from fastapi import FastAPI

    given = {f"LIENTHONG_{name.upper()}": value for name, value in settings.items()}
    desk = StillDesk(Settings.from_env(given), lambda _: warehouse.connection)
    outer = FastAPI()
    outer.mount("/lienthong", make(desk, guard, person, SECRET))
    server = uvicorn.Server(uvicorn.Config(outer, host="127.0.0.1", port=0, log_level="critical", lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.01)
        yield Console(server.servers[0].sockets[0].getsockname()[1], desk)
    finally:
        server.should_exit = True
        thread.join(timeout=20)
        desk.close()
    assert not thread.is_alive()


class Page(HTMLParser):
    """What a browser would find in a page: its elements, addresses and text."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.links, self.text, self.ids = [], [], [], "", []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [name for name, _ in attrs]
        self.ids += [value for name, value in attrs if name == "id"]
        self.links += [value for name, value in attrs if name in ("href", "src", "action")]

    def handle_data(self, data):
        self.text += f" {data}"
