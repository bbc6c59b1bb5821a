"""The chains of a warehouse: whatever a superuser does to them is found, anchors hold, a restore has a way on."""

import json
import random
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from typer.testing import CliRunner

from lienthong.cli import app
from lienthong.errors import NeedsPerson
from lienthong.publishing import chain_anchors, chain_files, chain_live
from lienthong.publishing.receipts import GENESIS, Receipt
from lienthong.settings import Settings
from lienthong.steps import Pipeline
from lienthong.warehouse import Warehouse

from ..conftest import ROOT
from .builders import rows_of

PORTAL, CENTRE = "national_portal", "monitoring_centre"
NAMES = list(Receipt.__slots__)
INSERT = f"INSERT INTO publish.receipts ({', '.join(NAMES)}) VALUES ({', '.join(['%s'] * len(NAMES))})"


@pytest.fixture(scope="module")
def place(new_database, laid_out):
    """One warehouse for the whole file."""
    with new_database(laid_out) as connection:
        yield Warehouse(connection, ROOT)


@pytest.fixture
def evidence(place, tmp_path, monkeypatch):
    found = Evidence(place, tmp_path)
    reach = place.connection
    monkeypatch.setenv(
        "AIRFLOW_CONN_WAREHOUSE",
        json.dumps({"conn_type": "postgres", "host": reach.host, "login": reach.login, "schema": reach.schema}),
    )
    monkeypatch.setenv("LIENTHONG_VAR", str(tmp_path))
    found.change("TRUNCATE publish.receipts, publish.chain_heads")
    found.send(PORTAL, 12)
    found.send(CENTRE, 3)
    return found


class Evidence:
    def __init__(self, warehouse, folder):
        self.warehouse = warehouse
        self.settings = Settings.from_env({"LIENTHONG_VAR": str(folder)})
        self.anchors = chain_anchors.file_of(self.settings)

    def change(self, *statements):
        """As somebody may who can switch triggers off."""
        with psycopg.connect(**self.warehouse.connection.conninfo()) as session:
            session.execute("SET session_replication_role = replica")
            for one in statements:
                session.execute(*(one if isinstance(one, tuple) else (one,)))

    def send(self, endpoint, count, code="0"):
        """Receipts as the sender adds them."""
        row = rows_of(self.warehouse, f"SELECT place, hash FROM publish.chain_heads WHERE endpoint = '{endpoint}'")
        place, previous = row[0] if row else (0, GENESIS)
        statements = []
        for number in range(place + 1, place + count + 1):
            receipt = Receipt(
                endpoint, number, "ho_so", f"H15.102-{number}", 1, "accepted", code, "Đồng bộ thành công", "r1",
                "ab" * 32, datetime(2025, 9, 30, tzinfo=UTC) + timedelta(seconds=number), previous,
            ).sealed()  # fmt: skip
            statements.append((INSERT, [getattr(receipt, name) for name in NAMES]))
            previous = receipt.hash
        statements.append(
            (
                "INSERT INTO publish.chain_heads VALUES (%s, %s, %s, 1) ON CONFLICT (endpoint)"
                " DO UPDATE SET place = excluded.place, hash = excluded.hash",
                [endpoint, place + count, previous],
            )
        )
        self.change(*statements)

    def cut(self, endpoint, place):
        """As a restored backup leaves it: receipts and head of then."""
        self.change(
            f"DELETE FROM publish.receipts WHERE endpoint = '{endpoint}' AND place > {place}",
            f"UPDATE publish.chain_heads SET place = {place}, hash = coalesce((SELECT hash FROM publish.receipts"
            f" WHERE endpoint = '{endpoint}' AND place = {place}), '{GENESIS}') WHERE endpoint = '{endpoint}'",
        )

    def wrong(self):
        lines = chain_anchors.read(self.anchors)
        return {one.endpoint: one.findings for one in chain_live.verify(self.warehouse, lines) if one.wrong}

    def keep_house(self):
        Pipeline(self.settings, {}, self.warehouse, None).keep_house()

    def noted(self):
        return [(line.endpoint, line.place) for line in chain_anchors.read(self.anchors)]


def call(*words, code=0):
    found = CliRunner().invoke(app, [str(word) for word in words])
    assert found.exit_code == code, found.output
    return found.stdout + found.stderr


ONE = "WHERE endpoint = 'national_portal' AND place = 5"
COLUMNS = [f"UPDATE publish.receipts SET {change} {ONE}" for change in (
    "dataset = 'tien_trinh'", "record_key = record_key || '0'", "version = 2", "outcome = 'refused'", "code = '1'",
    "message = ''", "request_id = 'r2'", "body_sha256 = repeat('cd', 32)",
    "answered_at = answered_at + interval '1 microsecond'", "answered_at = 'infinity'",
    "answered_at = replace(answered_at::text || ' BC', '+00', '')::timestamptz",
    "previous = repeat('0', 64)", "hash = repeat('0', 64)", "place = 100", "place = 0", "place = -9223372036854775808",
    "endpoint = 'public_app'",
)]  # fmt: skip
MORE = [
    f"DELETE FROM publish.receipts {ONE}",
    "DELETE FROM publish.receipts WHERE endpoint = 'national_portal' AND place = 12",
    "DELETE FROM publish.receipts WHERE endpoint = 'national_portal'",
    "UPDATE publish.receipts SET place = -place WHERE endpoint = 'national_portal' AND place IN (4, 5);"
    " UPDATE publish.receipts SET place = 9 + place WHERE place < 0",
    "UPDATE publish.chain_heads SET place = 11 WHERE endpoint = 'national_portal'",
    "UPDATE publish.chain_heads SET hash = repeat('0', 64) WHERE endpoint = 'national_portal'",
    "DELETE FROM publish.chain_heads WHERE endpoint = 'national_portal'",
    *(
        "INSERT INTO publish.receipts SELECT endpoint, " + place + ", dataset, record_key, version, outcome, code,"
        f" message, request_id, body_sha256, answered_at, previous, hash FROM publish.receipts {ONE}"
        for place in ("0", "13", "-7")
    ),
]


@pytest.mark.parametrize("change", [*COLUMNS, *MORE])
def test_whatever_a_superuser_changes_is_found_without_anchors(evidence, change):
    assert evidence.wrong() == {}
    evidence.change(change)
    found = evidence.wrong()
    assert PORTAL in found, found
    assert CENTRE not in found


def test_what_holds_in_itself_is_found_by_the_anchors(evidence):
    evidence.keep_house()
    assert evidence.noted() == [(CENTRE, 3), (PORTAL, 12)]
    evidence.cut(PORTAL, 8)
    evidence.cut(CENTRE, 0)
    assert [found.kind for found in evidence.wrong()[PORTAL]] == ["lost"]
    assert [found.kind for found in evidence.wrong()[CENTRE]] == ["lost"]
    evidence.send(PORTAL, 9)
    assert PORTAL not in evidence.wrong(), "sealed as before, it is the same chain"
    evidence.cut(PORTAL, 8)
    evidence.send(PORTAL, 9, code="1")
    [found] = evidence.wrong()[PORTAL]
    assert (found.kind, found.place) == ("anchor", 12)
    assert "docs/runbooks/restore-from-a-backup.md" in str(found)
    evidence.change("DELETE FROM publish.chain_heads WHERE endpoint = 'monitoring_centre'")
    assert [found.kind for found in evidence.wrong()[CENTRE]] == ["lost"], "every trace of it is gone"


def test_heads_are_noted_when_they_moved_and_never_over_what_does_not_hold(evidence):
    evidence.keep_house()
    before = evidence.anchors.read_bytes()
    evidence.keep_house()
    assert evidence.anchors.read_bytes() == before
    evidence.send(PORTAL, 4)
    evidence.keep_house()
    assert evidence.noted()[2:] == [(PORTAL, 16)]
    assert evidence.anchors.read_bytes().startswith(before)
    # A change since the last anchor, the head kept as it is; the other chain is noted all the same.
    evidence.send(PORTAL, 4)
    evidence.send(CENTRE, 1)
    evidence.change("UPDATE publish.receipts SET code = '9' WHERE endpoint = 'national_portal' AND place = 18")
    with pytest.raises(NeedsPerson, match=r"receipts of national_portal do not hold.*place 18.*it was changed"):
        evidence.keep_house()
    assert evidence.noted()[3:] == [(CENTRE, 4)]
    # Grown beyond its anchors again, with other receipts.
    evidence.cut(PORTAL, 10)
    evidence.send(PORTAL, 20, code="1")
    with pytest.raises(NeedsPerson, match="national_portal, place 12: expected .*, as was noted on"):
        evidence.keep_house()
    evidence.change("DELETE FROM publish.receipts", "DELETE FROM publish.chain_heads")
    with pytest.raises(NeedsPerson, match="monitoring_centre, national_portal do not hold"):
        evidence.keep_house()
    assert evidence.noted()[4:] == []


def test_every_week_also_what_was_anchored_long_ago_is_walked(evidence):
    evidence.keep_house()
    weekly = Pipeline(evidence.settings, {}, evidence.warehouse, None)
    assert weekly.verify() == 15
    evidence.change(f"UPDATE publish.receipts SET code = '9' WHERE endpoint = '{PORTAL}' AND place = 3")
    evidence.keep_house()  # which looks at what is new
    with pytest.raises(NeedsPerson, match=f"{PORTAL} do not hold.*place 3"):
        weekly.verify()


def test_after_a_restore_a_person_begins_a_new_epoch(evidence):
    assert "Every anchor is met" in call("receipts", "new-epoch", "--reason", "x")
    assert "There were no anchors to compare with" in call("verify")
    evidence.keep_house()
    evidence.send(PORTAL, 5)
    evidence.keep_house()
    evidence.cut(PORTAL, 14)
    said = call("verify", code=1)
    assert "national_portal, place 17: expected the receipt" in said
    assert "the last that holds is place 12" in said
    assert "monitoring_centre: 3 receipts hold" in said
    with pytest.raises(NeedsPerson, match="new-epoch|restore-from-a-backup"):
        evidence.keep_house()
    assert "--reason" in call("receipts", "new-epoch", "--reason", " ", code=1)
    said = call("receipts", "new-epoch", "--reason", "đĩa hỏng ngày 1/10", "--by", "Tổ vận hành")
    assert "national_portal goes on from place 14; its anchors at places 17 to 17 no longer bind" in said
    said = call("verify")
    assert "Tổ vận hành gave up the anchors at places 17 to 17" in said
    assert "đĩa hỏng ngày 1/10" in said
    evidence.send(PORTAL, 5, code="1")
    evidence.keep_house()
    assert evidence.noted()[-1] == (PORTAL, 19)
    assert evidence.wrong() == {}
    # What was anchored before the loss still binds.
    evidence.cut(PORTAL, 10)
    evidence.send(PORTAL, 9, code="2")
    assert evidence.wrong()[PORTAL][0].place == 12


def test_an_export_of_the_warehouse_is_verified_elsewhere(evidence, tmp_path):
    evidence.keep_house()
    evidence.send(PORTAL, 5)
    path = tmp_path / "receipts.jsonl"
    assert "20 receipts are in" in call("receipts", "export", "--to", path)
    assert "Every receipt holds" in call("verify", path, "--anchors", evidence.anchors)
    call("receipts", "export", PORTAL, "--from-place", 10, "--to", path)
    assert len(path.read_text(encoding="utf-8").splitlines()) == 1 + 8
    assert "8 receipts after place 9, which are all that is here, hold" in call("verify", path)
    assert "exactly one endpoint" in call("receipts", "export", "--from-place", 2, "--to", path, code=1)
    assert "receipt at place 98" in call("receipts", "export", PORTAL, "--from-place", 99, "--to", path, code=1)
    assert "no receipts of nobody" in call("receipts", "export", "nobody", "--to", path, code=1)
    evidence.cut(PORTAL, 10)
    evidence.send(PORTAL, 7, code="1")
    call("receipts", "export", "--to", path)
    call("verify", path)
    found = json.loads(call("verify", path, "--anchors", evidence.anchors, "--json", code=1))
    assert [(one["endpoint"], one["whole"]) for one in found["chains"]] == [(CENTRE, True), (PORTAL, False)]


def test_senders_that_go_on_meanwhile_are_no_finding(evidence, tmp_path, monkeypatch):
    real, rng = chain_live.links, random.Random(1)

    def busy(session, home, endpoint, after=0):
        evidence.send(rng.choice([PORTAL, CENTRE]), 2)
        yield from real(session, home, endpoint, after)
        evidence.send(rng.choice([PORTAL, CENTRE]), 2)

    monkeypatch.setattr(chain_live, "links", busy)
    path = tmp_path / "receipts.jsonl"
    for _ in range(5):
        assert evidence.wrong() == {}
        evidence.keep_house()
        chain_live.export(evidence.warehouse, path)
        lines = chain_anchors.read(evidence.anchors)
        assert [one.wrong for _, chains in chain_files.verify([path], lines) for one in chains] == [0, 0]
