"""What operators do about alerts: problems, pledges, contacts, the watcher."""

import json

import pytest
import typer
from typer.testing import CliRunner

from lienthong.commands import alerts as commands

from .alert_stories import DOWN, EA_BUNG, EA_SUP, Story
from .builders import day, rows_of
from .test_watch import fresh

HEADER = "Phạm vi;Đơn vị;Tên;Kênh;Địa chỉ;Giờ hành chính\n"


@pytest.fixture
def story(province, contracts, monkeypatch, tmp_path):
    reach = province.connection
    monkeypatch.setenv(
        "AIRFLOW_CONN_WAREHOUSE",
        json.dumps({"conn_type": "postgres", "host": reach.host, "login": reach.login, "schema": reach.schema}),
    )
    monkeypatch.setenv("LIENTHONG_VAR", str(tmp_path / "var"))
    return Story(province, contracts).at(9)


def call(app, *words, code=0):
    found = CliRunner().invoke(app, [str(word) for word in words])
    assert found.exit_code == code, found.output
    return found.stdout + found.stderr


def test_problems_are_listed_shown_and_pledged(story):
    story.contact(EA_SUP)
    story.source(EA_SUP, day(8), DOWN, reason="đơn vị chưa nộp tệp; gọi 066090900001")
    [problem] = json.loads(call(commands.alerts, "list", "--json"))
    assert (problem["kind"], problem["source"], problem["told_at"]) == ("source_down", EA_SUP, None)
    story.at(9, 15).tick()
    text = call(commands.alerts, "show", problem["problem_id"])
    assert "đơn vị chưa nộp tệp" in text
    assert "066090900001" not in text
    assert "immediate" in text
    number = problem["problem_id"]
    assert "at most 31 days" in call(commands.alerts, "ack", number, "--until", "2026-01-01", "--note", "x", code=1)
    assert "--note" in call(commands.alerts, "ack", number, "--until", "2025-09-12", "--note", " ", code=1)
    assert "no problem 999" in call(commands.alerts, "ack", 999, "--until", "2025-09-12", "--note", "x", code=1)
    call(commands.alerts, "ack", number, "--until", "2025-09-12", "--note", "thay máy chủ", "--by", "Tổ kỹ thuật")
    assert "Tổ kỹ thuật" in call(commands.alerts, "list")
    assert story.at(10, 7, 30).tick() == {}
    story.source(EA_SUP, day(8))
    assert "Nothing is wrong" in call(commands.alerts, "list")
    assert "mended already" in call(commands.alerts, "ack", number, "--until", "2025-09-12", "--note", "x", code=1)


def test_contacts_are_imported_whole(story, tmp_path):
    file = tmp_path / "lien_he.csv"
    file.write_text(
        HEADER + f"Đơn vị;{EA_SUP};UBND xã Ea Súp;;easup@xa.example;có\n"
        "Tỉnh;;Tổ dữ liệu của tỉnh;email;dulieu@tinh.example;không\n;;;;;\n",
        encoding="utf-8-sig",
    )
    assert "2 contacts added or changed, 0 removed" in call(commands.contacts, "import", file)
    assert "0 contacts added or changed, 0 removed" in call(commands.contacts, "import", file)
    found = json.loads(call(commands.contacts, "list", "--json"))
    assert [(c["scope"], c["unit"], c["name"], c["address"], c["working_hours"]) for c in found] == [
        ("province", "", "Tổ dữ liệu của tỉnh", "dulieu@tinh.example", False),
        ("unit", EA_SUP, "UBND xã Ea Súp", "easup@xa.example", True),
    ]
    file.write_text(HEADER + f"don_vi;{EA_BUNG};UBND xã Ea Bung;apprise;chat_ea_bung;\n", encoding="utf-8")
    assert "1 contacts added or changed, 2 removed" in call(commands.contacts, "import", file)


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        (f"don_vi;{EA_SUP};A;email;a@b.example;co;x", "expected 6 cells, found 7"),
        ("don_vi;H99.1;A;email;a@b.example;co", "unit 'H99.1' is not in the list of units"),
        ("don_vi;;A;email;a@b.example;co", "needs the unit's code"),
        (f"tinh;{EA_SUP};A;email;a@b.example;co", "the province's has none"),
        ("huyen;;A;email;a@b.example;co", "scope must be"),
        (f"don_vi;{EA_SUP};;email;a@b.example;co", "name must be"),
        (f"don_vi;{EA_SUP};A;fax;a@b.example;co", "channel must be"),
        (f"don_vi;{EA_SUP};A;email;a@b.example, c@d.example;co", "address must be a mailbox"),
        (f"don_vi;{EA_SUP};A;apprise;https://chat.example/token;co", "address must be the name of a connection"),
        (f"don_vi;{EA_SUP};A;email;a@b.example;maybe", "working_hours must be"),
        (f"don_vi;{EA_SUP};B;email;good@b.example;co", "the same address stands twice"),
    ],
)
def test_a_list_with_one_wrong_line_changes_nothing(story, tmp_path, line, complaint):
    file = tmp_path / "lien_he.csv"
    file.write_text(f"{HEADER}don_vi;{EA_SUP};A;email;good@b.example;co\n{line}\n", encoding="utf-8")
    text = " ".join(call(commands.contacts, "import", file, code=1).split())
    assert "line 3: " in text
    assert complaint in text
    assert "line 2: " not in text
    assert rows_of(story.warehouse, "SELECT * FROM ops.contacts") == []


def test_a_header_that_is_wrong_is_named(story, tmp_path):
    file = tmp_path / "lien_he.csv"
    file.write_text("scope,unit,name,email\n", encoding="utf-8")
    assert "line 1" in call(commands.contacts, "import", file, code=1)
    file.write_bytes(b"\xff\xfe")
    assert "UTF-8" in call(commands.contacts, "import", file, code=1)


def test_one_contact_is_set_replaced_and_removed(story):
    here = ("--unit", EA_SUP)
    call(commands.contacts, "set", "--email", "a@b.example", *here, "--name", "UBND xã Ea Súp")
    call(commands.contacts, "set", "--email", "a@b.example", *here, "--name", "Xã Ea Súp", "--any-hour")
    contact = "SELECT name, address, working_hours FROM ops.contacts WHERE active"
    assert rows_of(story.warehouse, contact) == [("Xã Ea Súp", "a@b.example", False)]
    wrong = ("--email", "c@b.example", *here, "--name", "x", "--instead-of")
    assert "has no contact" in call(commands.contacts, "set", *wrong, "strange@b.example", code=1)
    call(commands.contacts, "set", *wrong, "a@b.example")
    assert rows_of(story.warehouse, contact) == [("x", "c@b.example", True)]
    nowhere = ("--email", "a@b.example", "--unit", "H99", "--name", "x")
    assert "not in the list" in call(commands.contacts, "set", *nowhere, code=1)
    assert "one address" in call(commands.contacts, "set", *here, "--name", "x", code=1)
    call(commands.contacts, "remove", "--email", "c@b.example", *here)
    assert "no contact" in call(commands.contacts, "remove", "--email", "c@b.example", *here, code=1)
    assert rows_of(story.warehouse, contact) == []


def test_the_watcher_outside_airflow_looks_writes_and_sends(story, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_MAIL", "smtp://127.0.0.1:1/?disable_ssl=true&disable_tls=true")
    story.contact("")
    with story.warehouse.session() as session:
        session.execute(
            "INSERT INTO ops.runs (dataset, window_start, window_end) VALUES ('ho_so', %s, %s)",
            [day(5).start, day(5).end],
        )
    app = typer.Typer()
    app.command()(commands.watch)
    text = call(app, "--once", code=1)
    assert "nothing is fresh; 1 letters written, 0 sent, 1 waiting" in text, "the mail server is away, nothing is lost"
    assert "Tổ dữ liệu" in call(commands.alerts, "list", "--letters")
    with story.warehouse.session() as session:
        fresh(session, "ho_so", story.units, 8)
    assert "0 of 116 sources are stale" in call(app, "--once")
