"""A province in trouble with hostile names in it, and the console over it on loopback."""

import json
import threading
import time
from contextlib import contextmanager
from html.parser import HTMLParser

import requests
import uvicorn
from fastapi import HTTPException, Request

from lienthong.console.app import make
from lienthong.console.desk import Desk
from lienthong.indicators.refresh import refresh
from lienthong.settings import Settings
from lienthong.warehouse import marts

from ..indicators import world as dossiers
from ..sql.alert_stories import DOWN, EA_BUNG, EA_SUP, Story
from ..sql.builders import day

HOSTILE = '<script>alert("x")</script>"\'><img src=x onerror=alert(1)>\u202e'
BLOCKED, DRIFTED = "H15.133", "H15.134"
PERSON = "Hờ Đánh Dấu"
"""A name that stands in a held row; where it turns up, it has leaked."""


def guard(request: Request):
    """In place of Airflow's check, which ``test_airflow`` tries: nobody, somebody without the right, somebody."""
    who = request.cookies.get("who")
    if who is None:
        raise HTTPException(401, "Not authenticated")
    if who != "viewer":
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
    counted(province)
    return story


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


class Console:
    """A running console and somebody who looks at it."""

    def __init__(self, port):
        self.address = f"http://127.0.0.1:{port}/lienthong"

    def get(self, path, who="viewer", method="GET", **given):
        cookies = {"who": who} if who else {}
        return requests.request(
            method, f"{self.address}{path}", cookies=cookies, timeout=20, allow_redirects=False, **given
        )


@contextmanager
def serving(warehouse, guard=guard, **settings):
    """The application below the prefix that it has in Airflow, served by a real server."""
    from fastapi import FastAPI

    given = {f"LIENTHONG_{name.upper()}": value for name, value in settings.items()}
    desk = Desk(Settings.from_env(given), lambda _: warehouse.connection)
    outer = FastAPI()
    outer.mount("/lienthong", make(desk, guard))
    server = uvicorn.Server(uvicorn.Config(outer, host="127.0.0.1", port=0, log_level="critical", lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.01)
        yield Console(server.servers[0].sockets[0].getsockname()[1])
    finally:
        server.should_exit = True
        thread.join(timeout=20)
        desk.pool.close()
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
