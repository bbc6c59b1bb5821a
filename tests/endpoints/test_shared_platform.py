"""The shared platform through the standard suite in its three call patterns, and what is its own: bodies of any
contract, a verdict for each record, versions and deletions."""

import hashlib
import json
from contextlib import suppress
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal

import pytest
from psycopg import sql

from lienthong.connections import Connection
from lienthong.endpoints import SharedPlatform
from lienthong.errors import ReceiverBusy, TryAgain
from lienthong.gateway import Gateway
from lienthong.publishing import publish
from lienthong.publishing.bodies import bodies_statement
from lienthong.publishing.trail import note_calls
from lienthong.sandbox.platform_options import Lgsp, PlatformOptions
from lienthong.sandbox.platform_server import running_platform
from lienthong.sources import source_of
from lienthong.warehouse.landing import Landing
from lienthong.warehouse.migrations import migrate
from tests.endpoints.suite import SWIFT, Accepted, EndpointSuite, Stage
from tests.endpoints.world import CITIZEN, OWNER, World, code
from tests.sql.builders import contract, day, land

PASSWORD = "mat-khau-truc-lien-thong"
LGSP = Lgsp("khoa-truy-cap", PASSWORD, "lienthong", "H15", "H15-cus")
NOTHING = hashlib.sha256(b"{}").hexdigest()
EXTRAS = {
    "lgsp": {"app_name": "lienthong", "partner_code": "H15", "partner_code_cus": "H15-cus"},
    "oauth2": {"auth": "oauth2"},
    "portal_adapter": {"auth": "portal_adapter", "dstcode": "VN:GOV:000.00.00.H15:csdl"},
}
LOGINS = {"lgsp": LGSP.access_key, "oauth2": "tinh-daklak", "portal_adapter": "daklak"}


def options_in(folder, **changes):
    return PlatformOptions(
        folder / "platform", folder / "national.sqlite", LGSP, (LOGINS["oauth2"], PASSWORD),
        (LOGINS["portal_adapter"], PASSWORD), **changes,
    )  # fmt: skip


class PlatformStage(Stage):
    """The sandbox platform in this process, over HTTP."""

    password = PASSWORD
    batch = "records_per_request"
    most_refused = 6  # each of three calls is repeated once, with a renewed token

    def __init__(self, world, running, folder, auth="lgsp") -> None:
        connection = Connection(
            "shared_platform", "http", host=running.url, login=LOGINS[auth], password=PASSWORD,
            extra={**EXTRAS[auth], self.batch: EndpointSuite.per_request, "timeout": 5},
        )  # fmt: skip
        super().__init__(World(world.warehouse, "shared_platform"), connection, folder)
        self.running = running
        self.foreign = 0

    def misbehave(self, fault, **how):
        self.running.misbehaviour.add(fault=fault, **how)

    def behave(self):
        self.running.misbehaviour.clear()

    def accepted(self):
        held, found = set(), []
        for one in self.running.log.effects():
            kind = "update" if one.khoa in held else "create"
            if one.effect:
                held.add(one.khoa)
            if one.seq > self.foreign:
                sha256 = one.sha256 if one.kind == "cap_nhat" else NOTHING
                found.append(Accepted(one.khoa, sha256, one.effect, kind, one.phien_ban))
        return found

    def requests(self):
        return sum(one.service != "login" for one in self.running.log.requests())

    def hold(self, *codes):
        # Others hold their versions under the same keys: an older one than ours can only be one that we sent.
        gateway = Gateway(self.connection)
        bodies = [
            json.dumps({"khoa": key, "phien_ban": 1, "thao_tac": "cap_nhat", "ban_ghi": {"ma_ho_so": key}})
            for key in codes
        ]
        answer, _ = gateway.push("ho_so", bodies, calls=[])
        assert answer.accepted
        gateway.close()
        self.foreign = max(one.seq for one in self.running.log.effects())
        with self.world.session() as session:
            session.execute("UPDATE core.ho_so SET _version = _version + 1 WHERE _record_key = ANY(%s)", [list(codes)])
            session.execute("UPDATE publish.outbox SET version = version + 1 WHERE record_key = ANY(%s)", [list(codes)])


@pytest.fixture(params=EXTRAS)
def auth(request):
    return request.param


@pytest.fixture
def stage(world, tmp_path, auth):
    with running_platform(options_in(tmp_path)) as running:
        yield PlatformStage(world, running, tmp_path, auth)


class TestSharedPlatform(EndpointSuite):
    """Every test of the standard suite against the sandbox platform, as an LGSP with five credentials."""

    @pytest.fixture
    def auth(self):
        return "lgsp"


class TestPatterns:
    """What must hold in every call pattern."""

    def test_records_arrive_under_their_keys_versions_and_trace_ids(self, stage, auth):
        stage.world.dossiers(range(7))
        assert stage.publish().accepted == 7
        stage.world.dossiers([1], trang_thai="9")
        stage.publish()
        held = {one.khoa: one for one in stage.running.log.held("ho_so")}
        assert {key: one.phien_ban for key, one in held.items()} == {code(n): 2 if n == 1 else 1 for n in range(7)}
        assert held[code(1)].record["chu_ho_so"] == OWNER
        assert held[code(1)].record["muc_phi"] == ("0" if auth == "portal_adapter" else 0)
        calls = stage.world.rows("SELECT * FROM publish.calls WHERE service = 'dong-bo ho_so' ORDER BY started_at")
        assert [(row["records"], row["outcome"], row["code"]) for row in calls] == [
            (5, "accepted", "0"), (2, "accepted", "0"), (1, "accepted", "0"),
        ]  # fmt: skip
        effects = list(stage.running.log.effects())
        assert {one.request_id for one in effects} == {one.ma_giao_dich for one in effects}
        assert {one.request_id for one in effects} == {row["request_id"] for row in calls}

    def test_an_ended_token_is_renewed_once_and_the_call_repeated_once(self, stage):
        stage.world.dossiers(range(20))
        stage.misbehave("expire_session", every=2)
        assert stage.publish().accepted == 20
        stage.behave()
        stage.world.dossiers([1], trang_thai="9")
        stage.misbehave("expire_session")
        with pytest.raises(Exception, match="refused|rejects"):
            stage.publish()
        assert stage.world.states() == {"done": 20, "pending": 1}

    def test_a_failure_inside_http_200_is_a_failure(self, stage):
        stage.world.dossiers(range(4))
        stage.misbehave("fail", code="-1", message=f"Dữ liệu của {OWNER} ({CITIZEN}) không hợp lệ")
        report = stage.publish()
        assert (report.accepted, report.refused) == (0, 4)
        reasons = {row["reason"] for row in stage.world.rows("SELECT reason FROM publish.outbox")}
        assert reasons == {"mã -1: Dữ liệu của […] ([…]) không hợp lệ"}

    def test_a_platform_that_is_busy_inside_http_200_is_left_alone(self, stage):
        stage.world.dossiers(range(4))
        stage.misbehave("fail", code="-1", message="Hệ thống đang bận, vui lòng thử lại sau")
        with pytest.raises(ReceiverBusy):
            stage.publish()
        assert stage.world.states() == {"pending": 4}

    def test_a_deletion_is_told_and_a_record_that_comes_back_is_sent_again(self, stage):
        stage.world.dossiers([1, 2])
        stage.publish()
        stage.world.delete([1])
        assert stage.publish().accepted == 1
        held = {one.khoa: one for one in stage.running.log.held("ho_so")}
        assert (held[code(1)].phien_ban, held[code(1)].record) == (2, None)
        stage.world.dossiers([1])
        assert stage.publish().accepted == 1
        held = {one.khoa: one for one in stage.running.log.held("ho_so")}
        assert (held[code(1)].phien_ban, held[code(1)].record["ma_ho_so"]) == (3, code(1))

    @pytest.mark.parametrize(
        ("extra", "ends"), [({}, "dead"), ({"unknown": ["mã lỗi 17"]}, "done"), ({"record_path": ""}, "done")], ids=str
    )
    def test_a_record_in_doubt_settles_however_the_platform_tells_of_one_record(self, stage, extra, ends):
        """In words that nobody foresaw its tries come to an end; an option makes them understood, or does without."""
        stage.world.dossiers([1])
        stage.misbehave("drop", times=1, service="dong_bo")
        stage.misbehave("fail", service="ban_ghi", code="-1", message="Mã lỗi 17")
        for _ in range(8):
            stage.world.due_now()
            with suppress(TryAgain):
                stage.publish(replace(SWIFT, max_attempts=3, linger=0.0), **extra)
        assert stage.world.states() == {ends: 1}

    @pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
    def test_a_deletion_whose_answer_is_lost(self, stage, after):
        stage.world.dossiers(range(3))
        stage.publish()
        stage.world.delete(range(3))
        stage.misbehave("drop", times=1, after=after)
        assert stage.settle().pending == 0
        assert stage.world.states() == {"done": 6}
        assert [one.record for one in stage.running.log.held("ho_so")] == [None] * 3


KINDS = contract(
    "moi_loai",
    [("ma", "string"), ("so_nguyen", "integer"), ("so_le", "number"), ("ngay", "date"), ("luc", "timestamp"),
     ("co_khong", "boolean"), ("an_toan", "string")],
    [],
    key=("ma",),
    endpoints=("shared_platform",),
)  # fmt: skip
FULL = {
    "ma": 'Đ/1 "trích" \\ \x01 😀', "so_nguyen": 2**53 + 1, "so_le": Decimal("12.500"), "ngay": date(2025, 9, 30),
    "luc": datetime(2025, 9, 30, 8, 5), "co_khong": True, "an_toan": "Ea Súp",
}  # fmt: skip


class TestAnyContract:
    """A contract that nobody wrote a statement for."""

    @pytest.fixture
    def kinds(self, stage):
        migrate(stage.world.warehouse, [KINDS])
        with stage.world.session() as session:
            for key, row in (("K1", FULL), ("K2", {"ma": "K2"}), ("K3", {**FULL, "so_le": Decimal("100.00")})):
                names = [*row, "_record_key", "_source", "_source_time", "_row_hash", "_version", "_run_id"]
                values = [*row.values(), key, "x", datetime(2025, 9, 30), "0" * 32, 1, 1]
                session.execute(
                    sql.SQL("INSERT INTO core.moi_loai ({}) VALUES ({})").format(
                        sql.SQL(", ").join(map(sql.Identifier, names)),
                        sql.SQL(", ").join(sql.Placeholder() * len(names)),
                    ),
                    values,
                )
                session.execute(
                    "INSERT INTO publish.outbox (endpoint, dataset, record_key, version, order_key, run_id)"
                    " VALUES ('shared_platform', 'moi_loai', %s, 1, %s, 1)",
                    [key, key],
                )
        endpoint = SharedPlatform(stage.connection, "H15", {"moi_loai": KINDS})
        report = publish(stage.world.warehouse, endpoint, SWIFT)
        endpoint.close()
        assert report.accepted == 3
        return {one.khoa: one for one in stage.running.log.held("moi_loai")}

    def test_every_type_is_written_as_the_pattern_wants_it(self, kinds, auth):
        as_text = auth == "portal_adapter"
        numbers = ("9007199254740993", "12.5", "true") if as_text else (2**53 + 1, 12.5, True)
        assert kinds["K1"].record == {
            "ma": FULL["ma"], "an_toan": "Ea Súp", "ngay": "2025-09-30", "luc": "2025-09-30T08:05:00",
            "so_nguyen": numbers[0], "so_le": numbers[1], "co_khong": numbers[2],
        }  # fmt: skip
        assert kinds["K3"].record["so_le"] == ("100" if as_text else 100)
        assert set(kinds["K2"].record.values()) == {"K2", ""}

    def test_what_was_pushed_comes_back_unchanged(self, stage, kinds):
        source = source_of(stage.connection, "platform")
        rows = [row for part in source.read(KINDS, day(30)) for row in part]
        assert {row[0] for row in rows} == {FULL["ma"], "K2"}
        plan = land(stage.world.warehouse, KINDS, day(30), {"shared_platform": rows})
        landing = Landing(stage.world.warehouse, KINDS, day(30), plan.run_id)
        columns = ", ".join(KINDS.names)
        with stage.world.session() as session:
            landing.mark(session)
            held = f"SELECT {columns} FROM core.moi_loai"
            came = f'SELECT {columns} FROM landing."{landing.typed_name}"'
            for one, other in ((held, came), (came, held)):
                assert session.execute(f"{one} EXCEPT {other}").fetchall() == []

    def test_a_pull_stands_in_the_audit_trail_once(self, stage, kinds):
        source = source_of(stage.connection, "platform")
        assert sum(map(len, source.read(KINDS, day(30)))) == 3
        assert [note_calls(stage.world.warehouse, "shared_platform", source.calls) for _ in range(2)] == [2, 0]
        (noted,) = stage.world.rows(
            "SELECT request_id, outcome FROM publish.calls WHERE service = 'danh-sach moi_loai'"
        )
        (asked,) = [one for one in stage.running.log.requests() if one.service == "tra_cuu/moi_loai"]
        assert (noted["request_id"], noted["outcome"]) == (asked.request_id, "accepted")

    def test_no_sensitive_column_leaves_that_the_contract_does_not_name(self, stage):
        columns = tuple(
            replace(one, classification="sensitive") if one.name in ("so_nguyen", "an_toan") else one
            for one in KINDS.columns
        )
        silent = replace(KINDS, columns=columns)
        migrate(stage.world.warehouse, [silent])
        endpoints = [
            SharedPlatform(stage.connection, "H15", {"moi_loai": one})
            for one in (silent, replace(silent, send_sensitive=("an_toan",)))
        ]
        sent = []
        with stage.world.session() as session:
            session.execute(
                "INSERT INTO core.moi_loai (ma, an_toan, so_nguyen, _record_key, _source, _source_time, _row_hash,"
                " _version, _run_id) VALUES ('K', 'kín', 7, 'K', 'x', now()::timestamp, repeat('0', 32)::uuid, 1, 1)"
            )
            for endpoint in endpoints:
                query = bodies_statement(stage.world.warehouse.home, endpoint.name, endpoint.feeds[0])
                row = session.execute(query, {"keys": ["K"], "versions": [1]}).fetchone()
                sent.append(set(json.loads(row["body"])))
                endpoint.close()
        assert sent[0] == set(KINDS.names) - {"so_nguyen", "an_toan"}
        assert sent[1] == sent[0] | {"an_toan"}

    def test_a_receipt_can_be_computed_again_from_what_the_platform_holds(self, stage, kinds):
        receipts = stage.world.rows("SELECT record_key, body_sha256 FROM publish.receipts")
        assert {row["record_key"]: row["body_sha256"] for row in receipts} == {
            key: one.sha256 for key, one in kinds.items()
        }
