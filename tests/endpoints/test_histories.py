"""Random histories of promotes, faults and deaths; whatever happened, the log and the receipts agree in the end."""

import json
import os
from itertools import chain, count, repeat

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lienthong.connections import Connection
from lienthong.endpoints import NationalPortal
from lienthong.errors import TryAgain
from lienthong.mapi import NoAnswer, NotTaken
from lienthong.publishing import Limits, publish, sender
from tests.endpoints.suite import Accepted, Stage, judge
from tests.endpoints.world import code

EXAMPLES = int(os.environ.get("LIENTHONG_HISTORIES", "30"))
LIMITS = Limits(first_pause=0.0, first_retry=0.0, linger=0.2, patience=0.5, settle_seconds=0.02, settle_answers=2)
FAULTS = ("none", "none", "before", "after", "patience", "session", "die before", "die after")
DOSSIERS = 4
NUMBERS = count()
# Each version has a body of its own: one that returned to an earlier content would look like a second effect.
VERSIONS = count()


class Died(BaseException):
    """The process is gone: nothing is tidied up."""


class Memory:
    """A portal that holds everything in memory, all or nothing for an array."""

    def __init__(self) -> None:
        self.dossiers: dict[str, str] = {}
        self.steps: dict[str, str] = {}
        self.log: list[Accepted] = []

    def answer(self, message):
        service = message.get("service", "login")
        if service == "login":
            return {"session": "s", "error_code": 0}
        if service == "TraCuuHoSo":
            return {"error_code": "0", "message": "", "result": self._found(message["mahoso"])}
        before = dict(self.dossiers), dict(self.steps), len(self.log)
        for record in message["data"]:
            words = self._dossier(record, message) if service == "DongBoHoSoMC" else self._step(record)
            if words:
                self.dossiers, self.steps = before[:2]
                del self.log[before[2] :]
                return {"error_code": "3" if "đã" in words else "-1", "message": words}
        return {"error_code": "0", "message": "thành công"}

    def _found(self, key):
        if key not in self.dossiers:
            return []
        held = json.loads(self.dossiers[key])
        names = ("MaHoSo", "MaTTHC", "NgayTiepNhan", "NgayHenTra")
        return [{**{name: held[name] for name in names}, "MaTrangThai": held["TrangThaiHoSo"]}]

    def _dossier(self, record, message):
        key, body = record["MaHoSo"], canonical(record)
        updating = message["isUpdating"] == "True"
        if updating and key not in self.dossiers:
            return f"{key} không tồn tại"
        if not updating and key in self.dossiers:
            return f"{key} đã tồn tại"
        self._note(key, body, self.dossiers.get(key) != body, "update" if updating else "create")
        self.dossiers[key] = body
        return ""

    def _step(self, record):
        if record["MaHoSo"] not in self.dossiers:
            return f"{record['MaHoSo']} không tồn tại"
        key, body = f"{record['MaHoSo']}|{record['ThoiDiemXuLy']}|{record['TrangThai']}", canonical(record)
        self._note(key, body, key not in self.steps, "step")
        self.steps.setdefault(key, body)
        return ""

    def _note(self, key, body, effect, kind):
        import hashlib

        self.log.append(Accepted(key, hashlib.sha256(body.encode()).hexdigest(), effect, kind))


def canonical(record):
    return json.dumps(record, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


class Wire:
    """A transport on which each request may meet a fault; after a death nothing passes any more."""

    def __init__(self, memory, faults) -> None:
        self.memory = memory
        self.faults = chain(faults, repeat("none"))
        self.dead = False

    def post(self, path, body, request_id):
        if self.dead:
            raise Died
        message = json.loads(body)
        fault = next(self.faults) if "service" in message else "none"
        if fault == "patience":
            raise NotTaken("later", 0.0)
        if fault == "session":
            return {"error_code": "-1", "message": "session"}
        answer = self.memory.answer(message) if fault in ("none", "after", "die after") else None
        if fault.startswith("die"):
            self.dead = True
            raise Died
        if answer is None or fault == "after":
            raise NoAnswer("lost")
        return answer

    def close(self):
        pass


class History(Stage):
    """A stage whose receiver is ``Memory``."""

    def __init__(self, world, folder) -> None:
        super().__init__(world, Connection("national_portal", "http", host="http://memory.invalid"), folder)
        self.memory = Memory()

    def accepted(self):
        return self.memory.log

    def publish(self, limits=LIMITS, faults=(), **extra):
        extra = {"dossiers_per_request": 2, "steps_per_request": 3, "in_flight": 2, **extra}
        endpoint = NationalPortal(Connection("national_portal", "http", host="http://memory.invalid", extra=extra))
        wire = endpoint.client._transport = Wire(self.memory, faults)
        self.alive = lambda: not wire.dead
        return publish(self.world.warehouse, endpoint, limits)


@pytest.fixture
def history(world, tmp_path, monkeypatch):
    stage = History(world, tmp_path)
    tidy = sender._Sender._wind_down
    # A process that died gives nothing back and writes nothing.
    monkeypatch.setattr(sender._Sender, "_wind_down", lambda self, grace: stage.alive() and tidy(self, grace))
    return stage


number = st.integers(0, DOSSIERS - 1)
event = st.one_of(
    st.tuples(st.just("dossier"), number, st.sampled_from(("2", "4", "9"))),
    st.tuples(st.just("note"), number, st.text("ab", max_size=2)),
    st.tuples(st.just("steps"), number, st.lists(st.sampled_from(("2", "4", "5", "9")), min_size=1, max_size=5)),
    st.tuples(st.just("publish"), st.lists(st.sampled_from(FAULTS), max_size=8)),
)


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    print_blob=True,
)
@given(st.lists(event, min_size=2, max_size=14))
def test_whatever_happens_the_receiver_and_the_receipts_agree(history, events):
    base = next(NUMBERS) * DOSSIERS
    for kind, *what in events:
        if kind == "dossier":
            history.world.dossiers([base + what[0]], trang_thai=what[1], trich_yeu=f"lần {next(VERSIONS)}")
        elif kind == "note":
            history.world.dossiers([base + what[0]], ghi_chu=what[1], trich_yeu=f"lần {next(VERSIONS)}")
        elif kind == "steps":
            history.world.steps([base + what[0]], statuses=what[1])
        else:
            history.world.due_now()
            try:
                history.publish(faults=what[0])
            except (TryAgain, Died) as error:
                history.said.append(repr(error))
    history.settle()
    judge(history)
    own = [one for one in history.accepted() if any(one.key.startswith(code(base + n)) for n in range(DOSSIERS))]
    for n in range(DOSSIERS):
        steps = [one.key for one in own if one.kind == "step" and one.effect and one.key.startswith(code(base + n))]
        assert len(set(steps)) == len(steps)
