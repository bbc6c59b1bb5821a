"""Small datasets of every class of column, promoted by the real promote, and a service over them on loopback."""

import threading
import time
from contextlib import contextmanager
from dataclasses import replace

import requests

from lienthong import quality
from lienthong.contracts import Channel, Column
from lienthong.quality.great import Found
from lienthong.share import serve, shelf, tokens
from lienthong.share.pace import Pace
from lienthong.share.pool import Pool
from lienthong.share.visits import Desk
from lienthong.warehouse.promote import promote

from ..sql.builders import contract, land, rows_of, rule

COLUMNS = (
    ("ma", "string", "public"), ("loai", "string", "public"), ("ten_don_vi", "string", "internal"),
    ("ho_ten", "string", "personal"), ("so_dinh_danh", "string", "personal"), ("ngay_sinh", "date", "personal"),
    ("dan_toc", "string", "sensitive"), ("so_tien", "number", "internal"), ("so_luong", "integer", "internal"),
    ("ngay_cap", "date", "internal"), ("con_hieu_luc", "boolean", "internal"), ("luc", "timestamp", "internal"),
)  # fmt: skip


def classed(made, columns):
    kept = tuple(Column(name, kind, f"Cột {name}", level, {}) for name, kind, level in columns)
    return replace(made, columns=kept)


def _make(dataset, columns, **changes):
    made = contract(dataset, [], [rule("ma_bat_buoc", "required", "ma")], endpoints=(), delete_brake=1.0, **changes)
    return classed(made, columns)


CAP_PHEP = _make(
    "cap_phep", COLUMNS, title="Cấp phép", owner="Sở Công Thương", purpose="Giấy phép đã cấp.", shared_database=18,
    support=(Channel("email", "issues", "dulieu@daklak.example"),),
)  # fmt: skip
XA = _make("xa", (("ma", "string", "public"), ("ten", "string", "public")), mode="snapshot", cursor=None)
NOI_BO = _make(
    "noi_bo", (("ma", "string", "internal"), ("ten", "string", "internal")), mode="snapshot", cursor=None
)  # fmt: skip
RIENG_TU = _make(
    "rieng_tu", (("ma", "string", "internal"), ("ho_ten", "string", "personal")), mode="snapshot", cursor=None
)  # fmt: skip
CONTRACTS = {made.dataset: made for made in (CAP_PHEP, XA, NOI_BO, RIENG_TU)}

PERSON, NUMBER, ORIGIN = "Hờ Đánh Dấu", "066199912345", "Ê Đê Đánh Dấu"
"""Marked values: a person, their number and their origin. Where one of them turns up, it has leaked."""


def row(key, at, **changes):
    """One row of ``cap_phep`` as its source gives it, about the marked person."""
    given = {
        "ma": key, "loai": "1", "ten_don_vi": "Phường Buôn Ma Thuột", "ho_ten": PERSON, "so_dinh_danh": NUMBER,
        "ngay_sinh": "1999-05-17", "dan_toc": ORIGIN, "so_tien": "1234567890123456.789", "so_luong": "-3",
        "ngay_cap": "2025-09-01", "con_hieu_luc": "true", "luc": at,
    }  # fmt: skip
    return tuple({**given, **changes}.values())


def split(warehouse):
    """In place of Great Expectations, which has its own tests: the counts of the split."""

    def expect(url, table, contract, window, *_):
        marks = table.replace("__typed", "__marks")
        counted = {
            found.id: rows_of(warehouse, f'SELECT count(*) FROM landing."{marks}" WHERE {bits} & {1 << at} <> 0')[0][0]
            for rules, bits in ((contract.rejecting, "broken"), (contract.warning, "warned"))
            for at, found in enumerate(rules)
        }
        return Found(counted, None)

    return expect


def run(warehouse, contract, window, rows):
    """Land, judge and promote what one source gives for a window."""
    plan = land(warehouse, contract, window, {"nguon": rows})
    quality.judge(warehouse, contract, window, plan.run_id)
    return promote(warehouse, contract, window, plan.run_id)


def version_of(warehouse, dataset):
    """Where a dataset stands."""
    return rows_of(warehouse, "SELECT version FROM ops.dataset_versions WHERE dataset = %s", dataset)[0][0]


class Service:
    """A running service, and callers of it."""

    def __init__(self, warehouse, desk, port):
        self.warehouse = warehouse
        self.desk = desk
        self.port = port
        self.address = f"http://127.0.0.1:{port}"

    def token(self, *datasets, ceiling="internal", days=30, system="Hệ thống thử"):
        with self.warehouse.session() as session:
            return tokens.issue(
                session, self.warehouse.home, CONTRACTS, system=system, datasets=datasets or CONTRACTS,
                ceiling=ceiling, days=days, by="người thử",
            )  # fmt: skip

    def get(self, token, path, headers=None, **parameters):
        text = getattr(token, "text", token)
        sent = {**({"Authorization": f"Bearer {text}"} if text else {}), **(headers or {})}
        return requests.get(f"{self.address}{path}", params=parameters, headers=sent, timeout=20)

    def walk(self, token, dataset, what, **parameters):
        """Every page of a walk, to the end."""
        pages, after = [], ""
        while True:
            answer = self.get(token, f"/v1/datasets/{dataset}/{what}", **parameters, after=after)
            assert answer.status_code == 200, answer.text
            pages.append(answer.json())
            after = pages[-1]["next"]
            if after is None:
                return pages


@contextmanager
def serving(warehouse, var, rate=100_000, contracts=CONTRACTS):
    """The real server in a thread of its own."""
    reader, writer = Pool(warehouse.connection, 4), Pool(warehouse.connection, 2, writes=True)
    desk = Desk(warehouse.home, contracts, shelf.folder_of(var), reader, writer, Pace(rate))
    server = serve.server(desk, "127.0.0.1", 0)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.01)
        yield Service(warehouse, desk, server.servers[0].sockets[0].getsockname()[1])
    finally:
        server.should_exit = True
        thread.join(timeout=20)
        reader.close()
        writer.close()
    assert not thread.is_alive()
