"""What every endpoint must withstand. A new endpoint's test inherits ``EndpointSuite`` and gives it a ``stage``.

The judge is the receiver's own durable log, never our tables alone: each (record, version) has at most one effect,
repetitions are the same to the byte, versions never go back, and acceptances and receipts match one to one.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from lienthong.connections import Connection
from lienthong.endpoints import ENDPOINTS, Holder
from lienthong.errors import NeedsPerson, ReceiverBusy, ReceiverRefused, TryAgain
from lienthong.publishing import Limits, PublishReport, Receipt, first_break, publish
from lienthong.reconcile import Reconciled, differences, reconcile
from lienthong.settings import ROOT
from tests.endpoints.world import PERSONAL, RECEIVED, World, bound_to

SWIFT = Limits(first_pause=0.01, first_retry=0.01, linger=2.0, patience=2.0, grace=2.0)


@dataclass
class Accepted:
    """One record that the receiver took, in the order of acceptance."""

    key: str
    sha256: str
    effect: bool
    kind: str
    version: int | None = None
    """The version that the receiver was told, where its protocol has versions."""


@dataclass
class Stage:
    """A world, a receiver, and the way from one to the other.

    A subclass says how the receiver misbehaves and what it accepted; ``parents`` and ``children`` name the datasets."""

    world: World
    connection: Connection
    folder: Path
    said: list[str] = field(default_factory=list)

    batch = "dossiers_per_request"
    """Option of the connection that bounds the records of a request."""
    most_refused = 3
    """Requests that two threads may make before rejected rights have stopped both."""

    def misbehave(self, fault: str, **how: Any) -> None:
        raise NotImplementedError

    def behave(self) -> None:
        raise NotImplementedError

    def accepted(self) -> list[Accepted]:
        raise NotImplementedError

    def requests(self) -> int:
        """Requests that reached the receiver and were not logins."""
        raise NotImplementedError

    def hold(self, *codes: str) -> None:
        """Let the receiver hold these records already, from somebody else."""
        raise NotImplementedError

    def endpoint(self, **extra: Any):
        connection = Connection(**{**_fields(self.connection), "extra": {**self.connection.extra, **extra}})
        return ENDPOINTS[self.connection.name](connection, "H15", bound_to(self.connection.name))

    def publish(self, limits: Limits = SWIFT, **extra: Any) -> PublishReport:
        endpoint = self.endpoint(**extra)
        try:
            return publish(self.world.warehouse, endpoint, limits)
        finally:
            endpoint.close()

    def reconcile(self, asked=None, **extra: Any) -> Reconciled:
        """Lay what the receiver holds beside the receipts, as on the day after the records of the world came in."""
        connection = Connection(**{**_fields(self.connection), "extra": {**self.connection.extra, **extra}})
        contracts = bound_to(connection.name)
        with self.world.session() as session:
            session.execute(
                "INSERT INTO ops.clock (stands_at) VALUES (%s) ON CONFLICT DO NOTHING", [RECEIVED + timedelta(days=1)]
            )
        endpoint = self.endpoint(**extra)
        try:
            return reconcile(self.world.warehouse, endpoint, connection, contracts, asked)
        finally:
            endpoint.close()

    def found(self) -> dict[str, tuple[str, ...]]:
        """Open differences at the receiver by key: their kind and the fields that differ."""
        rows = self.world.rows(
            "SELECT record_key, kind, fields FROM ops.differences"
            " WHERE closed_at IS NULL AND kind IN ('missing', 'different', 'extra')"
        )
        return {row["record_key"]: (row["kind"], *row["fields"]) for row in rows}

    def settle(self, tries: int = 12) -> PublishReport:
        """Publish again and again, as a scheduler does, until nothing is open."""
        for _ in range(tries):
            self.world.due_now()
            try:
                report = self.publish()
            except TryAgain as error:
                self.said.append(str(error))
                continue
            if not (report.pending or report.in_doubt):
                return report
        raise AssertionError(f"still open after {tries} runs: {self.world.states()}")

    def sender_process(self, crash: str = "", **extra: Any) -> subprocess.Popen[bytes]:
        """A sender in a process of its own, which kills itself at the crash point ``crash``."""
        if crash:
            (self.folder / crash).write_text("kill", encoding="utf-8")
        connection, warehouse = _fields(self.connection), _fields(self.world.warehouse.connection)
        connection["extra"] = {**connection["extra"], **extra}
        return subprocess.Popen(
            [sys.executable, "-m", "tests.endpoints.sender_process", repr(warehouse), repr(connection)],
            cwd=ROOT,
            env={**os.environ, "LIENTHONG_CRASH_DIR": str(self.folder)},
        )


def _fields(connection: Connection) -> dict[str, Any]:
    names = ("name", "kind", "host", "port", "login", "password", "schema")
    return {**{name: getattr(connection, name) for name in names}, "extra": dict(connection.extra)}


def judge(stage: Stage) -> None:
    """The receiver's log against our receipts."""
    log = stage.accepted()
    effects = [(one.key, one.version or one.sha256) for one in log if one.effect]
    assert len(effects) == len(set(effects)), "a version had two effects"
    receipts = stage.world.rows("SELECT * FROM publish.receipts ORDER BY place")
    accepted = [row for row in receipts if row["outcome"] == "accepted"]
    assert {row["body_sha256"] for row in accepted} == {one.sha256 for one in log}, "receipts and acceptances differ"
    assert len(accepted) == len({(r["dataset"], r["record_key"], r["version"]) for r in accepted}), "two receipts"
    assert first_break([Receipt(**row) for row in receipts]) is None, "the chain is broken"
    newest: dict[str, int] = {}
    versions = {row["body_sha256"]: row["version"] for row in accepted}
    for one in log:
        if one.effect:
            version = one.version or versions[one.sha256]
            assert version >= newest.get(one.key, 0), "an older version came after a newer one"
            newest[one.key] = version
    done = stage.world.rows("SELECT dataset, record_key, version FROM publish.outbox WHERE state = 'done'")
    assert {tuple(row.values()) for row in done} == {(r["dataset"], r["record_key"], r["version"]) for r in accepted}
    assert stage.world.rows("SELECT 1 FROM publish.outbox WHERE state = 'claimed'") == []
    bodies = stage.world.rows("SELECT b.* FROM publish.bodies b JOIN publish.outbox o USING (endpoint, dataset,"
                              " record_key, version) WHERE o.state <> 'in_doubt'")  # fmt: skip
    assert bodies == [], "bodies outlive their delivery"


class EndpointSuite:
    """Inherit, and give a fixture ``stage``."""

    per_request = 5
    """Parents that the stage sends in one request."""

    @pytest.fixture(autouse=True)
    def _judged(self, stage, caplog):
        """Whatever a test did to the receiver: in the end its log and our receipts agree, and no log names a person."""
        caplog.set_level(logging.DEBUG, logger="lienthong")
        yield
        stage.behave()
        stage.settle()
        judge(stage)
        kept = stage.world.rows(
            "SELECT concat_ws(' ', o.reason, r.message, c.message) AS words FROM publish.outbox o FULL JOIN"
            " publish.receipts r ON false FULL JOIN publish.calls c ON false"
        )
        text = " ".join([*stage.said, caplog.text, *(row["words"] for row in kept)])
        for value in (*PERSONAL, stage.connection.password):
            assert value not in text

    def test_everything_is_accepted_once(self, stage):
        stage.world.steps(range(12))
        stage.world.dossiers(range(12))
        report = stage.publish()
        assert (report.accepted, report.refused, report.pending, report.held, report.in_doubt) == (48, 0, 0, 0, 0)
        assert stage.publish().sent == 0

    def test_a_version_in_doubt_holds_the_next_one(self, stage):
        (key,) = stage.world.dossiers([1], trang_thai="2")
        stage.world.postpone(key, state="in_doubt")
        stage.world.dossiers([1], trang_thai="4")
        assert stage.publish().sent == 0

    def test_an_old_dead_letter_that_is_redriven_after_a_newer_version_gives_way(self, stage):
        stage.world.dossiers([1], trang_thai="2")
        stage.misbehave("refuse")
        stage.publish()
        stage.behave()
        stage.world.dossiers([1], trang_thai="4")
        stage.publish()
        with stage.world.session() as session:
            session.execute("UPDATE publish.outbox SET state = 'pending' WHERE state = 'dead'")
        assert stage.publish().sent == 0
        assert stage.world.states() == {"superseded": 1, "done": 1}

    def test_only_the_newest_version_leaves(self, stage):
        stage.world.dossiers([1], trang_thai="2")
        stage.world.dossiers([1], trang_thai="4")
        assert stage.publish().accepted == 1
        stage.world.dossiers([1], trang_thai="9")
        stage.publish()
        assert [one.kind for one in stage.accepted()] == ["create", "update"]
        assert stage.world.states() == {"superseded": 1, "done": 2}

    def test_one_bad_record_of_a_batch_is_refused_alone(self, stage):
        codes = stage.world.dossiers(range(10))
        words = f"Hồ sơ {{ma_ho_so}} của {PERSONAL[0]} ({PERSONAL[1]}, {PERSONAL[3]}): {PERSONAL[4]} sai"
        stage.misbehave("refuse", ma_ho_so=codes[3], message=words)
        report = stage.publish()
        assert (report.accepted, report.refused, report.dead) == (9, 1, 1)
        (dead,) = stage.world.rows("SELECT record_key, reason FROM publish.outbox WHERE state = 'dead'")
        assert dead["record_key"] == codes[3]
        assert codes[3] in dead["reason"]
        assert "sai" in dead["reason"]
        stage.behave()
        stage.world.dossiers([3], trang_thai="9")
        assert stage.publish().accepted == 1

    def test_a_version_that_comes_back_unsent_gives_way_to_a_newer_one(self, stage):
        stage.world.dossiers([1], trang_thai="2")
        stage.misbehave("latency", ms=400, times=1)
        stage.misbehave("http_error", status=429, times=1)
        newer = threading.Timer(0.2, lambda: stage.world.dossiers([1], trang_thai="4"))
        newer.start()
        report = stage.publish()
        newer.join()
        assert (report.accepted, report.pending) == (1, 0)
        assert stage.world.states() == {"superseded": 1, "done": 1}

    def test_what_the_receiver_holds_already_is_updated(self, stage):
        codes = stage.world.dossiers(range(7))
        stage.hold(*codes[2:5])
        assert stage.publish().accepted == 7
        kinds = [one.kind for one in stage.accepted() if one.key in codes[2:5]]
        assert kinds.count("update") == 3

    def test_what_the_receiver_forgot_is_created_again(self, stage):
        codes = stage.world.dossiers(range(3))
        stage.misbehave("forget", ma_ho_so=codes[1])
        stage.publish()
        stage.behave()
        stage.world.dossiers(range(3), trang_thai="9")
        assert stage.publish().accepted == 3

    def test_what_it_holds_is_laid_beside_the_receipts_or_said_to_be_unknown(self, stage):
        codes = stage.world.dossiers(range(12), trang_thai="2")
        stage.misbehave("forget", ma_ho_so=codes[1])
        stage.publish()
        stage.behave()
        done = stage.reconcile()
        never = stage.world.rows("SELECT record_key FROM ops.differences WHERE kind = 'unaccounted'")
        assert not {row["record_key"] for row in never} & set(codes)
        assert (done.records - len(never), done.orphans, done.refused) == (12, 0, 0)
        endpoint = stage.endpoint()
        listed = {one.dataset for one in endpoint.holdings} if isinstance(endpoint, Holder) else set()
        endpoint.close()
        with stage.world.session() as session:
            knows = {row["dataset"]: row["knows"] for row in differences.standing(session, ROOT)}
        assert {dataset for dataset, told in knows.items() if told == "list"} == listed & set(knows)
        assert stage.found() == ({codes[1]: ("missing",)} if listed else {})
        stage.world.dossiers([1], trang_thai="4")
        stage.publish()
        stage.reconcile()
        assert stage.found() == {}

    @pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
    @pytest.mark.parametrize("fault", ["drop", "http_error", "html", "empty", "malformed"])
    def test_a_lost_answer_is_found_out_never_guessed(self, stage, fault, after):
        stage.world.dossiers(range(12))
        stage.world.steps(range(12))
        stage.misbehave(fault, every=2, times=4, after=after)
        with contextlib.suppress(TryAgain):
            stage.publish(in_flight=2)
        stage.behave()
        stage.settle()
        assert stage.world.states() == {"done": 48}

    @pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
    def test_a_lost_answer_to_an_update(self, stage, after):
        stage.world.dossiers(range(6), trang_thai="2")
        stage.publish()
        stage.world.dossiers(range(3), trang_thai="4")
        stage.world.dossiers(range(3, 6), trang_thai="2", ghi_chu="khác")
        stage.misbehave("drop", times=2, after=after)
        stage.publish()
        assert stage.world.states() == {"done": 12}

    def test_a_slow_answer_is_in_doubt(self, stage):
        stage.world.dossiers([1])
        stage.misbehave("slow", ms=900, times=1)
        stage.publish(timeout=0.3)
        assert stage.world.states() == {"done": 1}

    def test_an_answer_inside_a_message_is_understood(self, stage):
        stage.world.dossiers([1])
        stage.misbehave("nested")
        assert stage.publish().accepted == 1

    def test_a_session_that_ends_in_mid_run_costs_nothing(self, stage):
        stage.world.dossiers(range(20))
        stage.misbehave("expire_session", every=3)
        report = stage.publish(in_flight=2)
        assert (report.accepted, report.in_doubt) == (20, 0)

    @pytest.mark.parametrize("status", [429, 503])
    def test_retry_after_is_honoured_in_the_same_run(self, stage, status):
        stage.world.dossiers(range(2))
        stage.misbehave("http_error", status=status, retry_after=1, times=1)
        started = time.monotonic()
        assert stage.publish().accepted == 2
        assert time.monotonic() - started >= 1

    def test_a_long_pause_is_left_to_the_scheduler(self, stage):
        stage.world.dossiers(range(20))
        stage.misbehave("http_error", status=429, retry_after=600)
        with pytest.raises(ReceiverBusy) as caught:
            stage.publish()
        assert 500 < caught.value.retry_after <= 600
        assert stage.requests() == 1
        assert stage.world.states() == {"pending": 20}
        assert stage.world.rows("SELECT max(attempts) AS n FROM publish.outbox")[0]["n"] == 0

    @pytest.mark.parametrize("service", ["*", None], ids=["all", "all but login"])
    def test_a_receiver_that_is_down_opens_the_circuit_and_blames_no_record(self, stage, service):
        stage.world.dossiers(range(300))
        stage.misbehave("http_error", status=503, service=service)
        with pytest.raises(ReceiverBusy, match="in a row.*HTTP 503"):
            stage.publish()
        assert stage.requests() <= SWIFT.circuit_after
        expected = {"pending"} if service else {"pending", "in_doubt"}
        assert set(stage.world.states()) == expected
        assert stage.world.rows("SELECT max(attempts) AS n FROM publish.outbox")[0]["n"] == 0

    def test_one_record_that_breaks_the_receiver_dies_alone(self, stage):
        codes = stage.world.dossiers(range(10))
        stage.misbehave("http_error", status=500, ma_ho_so=codes[4])
        limits = Limits(max_attempts=3, first_pause=0.01, linger=2.0, patience=2.0, circuit_after=50)
        stage.publish(limits)
        (dead,) = stage.world.rows("SELECT record_key FROM publish.outbox WHERE state = 'dead'")
        assert dead["record_key"] == codes[4]
        assert stage.world.states() == {"done": 9, "dead": 1}

    def test_a_redirect_is_not_followed_and_nothing_leaves(self, stage):
        with _catcher() as (url, caught):
            stage.world.dossiers(range(8))
            stage.misbehave("redirect", location=url)
            with pytest.raises(ReceiverRefused, match="redirects"):
                stage.publish()
            assert caught == []
        assert stage.world.states() == {"pending": 8}

    @pytest.mark.parametrize("status", [401, 403])
    def test_rejected_rights_stop_the_endpoint(self, stage, status):
        stage.world.dossiers(range(30))
        stage.misbehave("http_error", status=status)
        with pytest.raises(ReceiverRefused):
            stage.publish(in_flight=2)
        assert stage.requests() <= stage.most_refused
        assert stage.world.states() == {"pending": 30}

    def test_a_wrong_password_sends_nothing(self, stage):
        stage.world.dossiers([1])
        stage.connection = Connection(**{**_fields(stage.connection), "password": "sai"})
        with pytest.raises(ReceiverRefused, match="login"):
            stage.publish()
        assert stage.requests() == 0
        stage.connection = Connection(**{**_fields(stage.connection), "password": stage.password})

    def test_refusals_without_end_are_taken_for_our_fault(self, stage):
        stage.world.dossiers(range(40))
        stage.misbehave("refuse", message="Mã đơn vị không hợp lệ")
        with pytest.raises(ReceiverRefused, match="none was accepted"):
            stage.publish(Limits(refusals_at_once=10, settle_answers=1))
        assert stage.world.states()["pending"] >= 20

    def test_a_sender_that_was_replaced_writes_nothing(self, stage):
        stage.world.dossiers(range(20))
        stage.misbehave("latency", ms=100)
        replaced = threading.Timer(0.3, lambda: stage.world.rows(
            "UPDATE publish.chain_heads SET token = token + 1 RETURNING token"
        ))  # fmt: skip
        replaced.start()
        with pytest.raises(TryAgain, match="taken over"):
            stage.publish(Limits(settle_answers=1), **{stage.batch: 1})
        replaced.join()
        assert len(stage.accepted()) > stage.world.states()["done"]

    def test_a_second_sender_leaves_at_once(self, stage):
        stage.world.dossiers(range(2))
        stage.misbehave("latency", ms=600)
        first = threading.Thread(target=stage.publish)
        first.start()
        time.sleep(0.3)
        with pytest.raises(TryAgain, match="another sender"):
            stage.publish()
        first.join()
        assert stage.requests() == 1

    @pytest.mark.parametrize("point", ["publish.before_send", "publish.before_settle"])
    def test_a_killed_sender_has_one_effect(self, stage, point):
        stage.world.dossiers(range(12))
        stage.world.steps(range(12))
        assert stage.sender_process(point, in_flight=2).wait(30) == -signal.SIGKILL
        assert stage.world.states()["claimed"] > 0
        stage.settle()
        assert stage.world.states() == {"done": 48}

    def test_a_sender_killed_anywhere_has_one_effect(self, stage):
        stage.world.dossiers(range(60), trang_thai="2")
        stage.world.steps(range(60))
        stage.misbehave("latency", ms=15)
        for delay in (0.05, 0.25, 0.45):
            process = stage.sender_process(in_flight=2)
            until = time.monotonic() + 20
            before = stage.requests()
            while stage.requests() == before and time.monotonic() < until and process.poll() is None:
                time.sleep(0.01)
            time.sleep(delay)
            process.kill()
            process.wait()
            stage.world.dossiers(range(0, 60, 7), trang_thai="4")
        stage.behave()
        stage.settle()

    def test_an_interrupted_sender_settles_what_it_can(self, stage):
        stage.world.dossiers(range(300))
        stage.misbehave("latency", ms=100)
        previous = signal.signal(signal.SIGALRM, _interrupt)
        signal.setitimer(signal.ITIMER_REAL, 1.0)
        try:
            with pytest.raises(_Interrupted):
                stage.publish(in_flight=2)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, previous)
        states = stage.world.states()
        assert set(states) == {"done", "pending"}, states
        assert len(stage.accepted()) == states["done"]

    def test_a_cut_connection_to_the_warehouse_is_told_from_the_receiver(self, stage):
        stage.world.dossiers(range(300))
        stage.misbehave("latency", ms=100)
        cut = threading.Timer(0.4, lambda: stage.world.rows(
            "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'"
        ))  # fmt: skip
        cut.start()
        with pytest.raises((TryAgain, NeedsPerson), match="warehouse"):
            stage.publish(in_flight=2)
        cut.join()
        assert stage.world.states()["claimed"] > 0


class _Interrupted(BaseException):
    pass


def _interrupt(*_: Any) -> None:
    raise _Interrupted


@contextlib.contextmanager
def _catcher():
    """An address that notes whatever arrives."""
    from tests.unit.mapi_server import serving

    with serving() as server:
        yield f"{server.url}/mapi/g", server.seen
