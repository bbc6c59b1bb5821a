"""What is done from a page is done once, by whoever may, through a form of ours, and stands in the ledger of acts."""

import hashlib
import re
import time

import pytest

from lienthong.console import app as application
from lienthong.console.acting import LIFE, who
from lienthong.errors import NeedsPerson
from lienthong.steps import Pipeline

from ..sql.alert_stories import EA_SUP, Story
from ..sql.builders import day, rows_of
from . import world
from .world import SEALS, SECRET, Page, guard, person, serving

ACTIONS = ("/backfills", "/backfills/1/pause", "/backfills/1/cancel", "/backfills/1/release", "/quarantine/redrive",
           "/quarantine/1/redrive", "/quarantine/1/waive", "/endpoints/national_portal/resend", "/problems/pledge",
           "/problems/unpledge", "/alerts/resend", "/reconciliation/national_portal/resend")  # fmt: skip


@pytest.fixture
def busy(province, contracts):
    """Two days of two units in the ledger, rows that are held, and records that the portal refused."""
    story = Story(province, contracts).at(5, 9)
    for name in ("ho_so", "tien_trinh"):
        for number in (3, 4):
            story.source(EA_SUP, day(number), dataset=name)
    story.hold(EA_SUP, f"{EA_SUP}-250905-0001", f"{EA_SUP}-250905-0002")
    with province.session() as session:
        session.cursor().executemany(
            "INSERT INTO ops.runs (dataset, window_start, window_end, state, extracted, inserted, updated, unchanged,"
            " superseded, quarantined) VALUES (%s, %s, %s, 'promoted', 0, 0, 0, 0, 0, 0)",
            [(name, day(5).start, day(5).end) for name in contracts if contracts[name].mode == "snapshot"],
        )
    world.operated(province)
    world.reconciled(province)
    with serving(province) as running:
        running.warehouse = province
        yield running


def state(busy):
    """Everything that an action could have changed."""
    tables = ("ops.backfills", "ops.backfill_acts", "ops.acts", "quarantine.waivers", "publish.outbox", "ops.runs",
              "ops.problems", "ops.letters", "ops.differences")  # fmt: skip
    return [rows_of(busy.warehouse, f"SELECT t::text FROM {table} t ORDER BY 1") for table in tables]


def test_nothing_is_done_without_the_right_and_a_form_of_ours(busy):
    before = state(busy)
    for path in ACTIONS:
        assert busy.post(path, {}, who=None, seal="x").status_code == 401, path
        viewer = busy.post(path, {}, who="viewer")
        assert viewer.status_code == 403, path
        assert "chỉ được xem" in viewer.text
        foreign = {"Origin": "https://elsewhere.example"}
        wrong = [
            busy.post(path, {}, seal=""),
            busy.post(path, {}, seal=SEALS.make("viewer")),
            busy.post(path, {}, seal=SEALS.make("operator", time.time() - LIFE - 5)),
            busy.post(path, {}, seal=SEALS.make("operator")[:-1] + "g"),
            busy.post(path, {}, headers=foreign),
            busy.post(path, {}, headers={"Origin": "null"}),
            busy.post(path, {}, headers={"Sec-Fetch-Site": "cross-site"}),
            busy.get(path, "operator", "POST", data={"seal": SEALS.make("operator")}),
            busy.get(path, "operator", "POST", json={"seal": SEALS.make("operator")}),
            busy.post(path, {"x": "y" * 70_000}),
        ]
        assert {(answer.status_code, "Biểu mẫu không được nhận" in answer.text) for answer in wrong} == {(403, True)}
        assert busy.get(path, "operator").status_code in (200, 404), "an address of an action does nothing when opened"
    assert state(busy) == before
    assert busy.woken == []


def test_pages_offer_forms_only_to_whoever_may_send_them(busy):
    for path in ("/backfills/2", "/quarantine?dataset=ho_so", "/quarantine/1", "/endpoints/national_portal",
                 "/problems", "/problems/1", "/alerts", "/reconciliation/national_portal"):  # fmt: skip
        assert 'method="post"' not in busy.get(path).text, path
        assert 'method="post"' in busy.get(path, "operator").text, path
    assert 'method="post"' not in busy.get("/backfills/1", "operator").text, "this one reads tien_trinh too"


def test_a_backfill_runs_what_its_preview_showed_and_obeys(busy):
    query = {"dataset": "ho_so", "first": "2025-09-04", "last": "2025-09-05", "unit": EA_SUP, "reprocess": "1"}
    shown = busy.get("/backfills/new", "operator", params=query)
    given = dict(re.findall(r'<input type="hidden" name="([a-z]+)" value="([^"]*)"', shown.text))
    assert given["windows"] == "2", Page(shown.text).text
    assert busy.post("/backfills", {**given, "windows": "1"}).status_code == 409, "another preview than this"
    tien_trinh = busy.post("/backfills", {**given, "dataset": ["ho_so", "tien_trinh"], "windows": "4"})
    assert tien_trinh.status_code == 403, "each DAG is asked for by its own right"
    answer = busy.post("/backfills", {name: value for name, value in given.items() if name != "seal"})
    assert answer.status_code == 303, answer.text
    number = re.fullmatch(r"/lienthong/backfills/(\d+)\?done=asked", answer.headers["Location"])[1]
    assert rows_of(busy.warehouse, "SELECT dataset, first_day::text, last_day::text FROM ops.backfill_parts"
                   " WHERE backfill_id = %s", number) == [("ho_so", "2025-09-04", "2025-09-05")]  # fmt: skip
    twice = busy.post("/backfills", {name: value for name, value in given.items() if name != "seal"})
    assert (twice.status_code, "already asked for" in twice.text) == (409, True)
    for act, after in (("pause", "paused"), ("resume", "open"), ("cancel", "cancelled")):
        assert busy.post(f"/backfills/{number}/{act}", {}).status_code == 303
        assert rows_of(busy.warehouse, "SELECT state FROM ops.backfills WHERE backfill_id = %s", number) == [(after,)]
    assert busy.post(f"/backfills/{number}/pause", {}).status_code == 409
    assert busy.post(f"/backfills/{number}/burn", {}).status_code == 404
    assert busy.post("/backfills/1/pause", {}).status_code == 403, "it reads tien_trinh too"
    assert set(busy.woken) == {"backfills"}
    text = " ".join(Page(busy.get("/activity").text).text.split())
    assert re.search(rf"operator hủy #{number}\b", text), text


def test_a_waiver_and_a_new_judgement_wait_in_the_ledger_for_the_steps(busy, contracts, monkeypatch):
    numbers = dict(rows_of(busy.warehouse, "SELECT record_key, transition_id FROM quarantine.transitions"))
    first, second = (numbers[f"{EA_SUP}-250905-000{n}"] for n in (1, 2))
    waiver = {"rule": "ma_tthc_ton_tai", "reason": "Công văn 12/UBND ngày 04/9/2025", "until": "2025-09-30"}
    short = busy.post(f"/quarantine/{first}/waive", {**waiver, "reason": "ngắn"})
    assert (short.status_code, "at least 10 characters" in short.text) == (409, True)
    assert busy.post(f"/quarantine/{first}/waive", {**waiver, "until": "mai"}).status_code == 409
    assert rows_of(busy.warehouse, "SELECT count(*) FROM quarantine.waivers") == [(0,)]
    assert busy.post(f"/quarantine/{first}/waive", waiver).status_code == 303
    assert rows_of(busy.warehouse, "SELECT granted_by, record_key, valid_until::text FROM quarantine.waivers") == [
        ("operator", f"{EA_SUP}-250905-0001", "2025-10-01 00:00:00+07")
    ]
    again = busy.post(f"/quarantine/{second}/redrive", {"reason": "quy tắc đã sửa"})
    assert again.status_code == 409, "one at a time: nobody is waited for"
    query = "SELECT selection ->> 'by' AS by, selection ->> 'keys' AS keys FROM ops.runs WHERE state = 'open'"
    opened = rows_of(busy.warehouse, query)
    assert opened == [("operator", f'["{EA_SUP}-250905-0001"]')]
    assert "Đang có lượt xét lại" in busy.get(f"/quarantine/{second}", "operator").text
    assert busy.woken == ["late_sources"]
    ended = []
    monkeypatch.setattr(Pipeline, "_end_redrives", lambda self, contract: ended.append(contract.dataset) or [])
    Pipeline(None, contracts, busy.warehouse, None).end_redrives()
    assert ended == ["ho_so"], "the DAG that is woken ends what was opened, and asks of nothing else"


def test_held_rows_of_a_rule_are_judged_again_together_and_noted(busy):
    query = {"dataset": "ho_so", "rule": "ma_tthc_ton_tai", "reason": "danh mục đã bổ sung"}
    answer = busy.post("/quarantine/redrive", query)
    assert answer.status_code == 303, answer.text
    assert busy.get(answer.headers["Location"].removeprefix("/lienthong")).status_code == 200
    assert rows_of(busy.warehouse, "SELECT by, act, dataset, subject, reason FROM ops.acts WHERE by = 'operator'") == [
        ("operator", "redrive", "ho_so", "ma_tthc_ton_tai", "danh mục đã bổ sung")
    ]
    assert busy.post("/quarantine/redrive", {"dataset": "none"}).status_code == 409


def test_what_was_refused_is_sent_again_unless_something_newer_was(busy):
    words = {"dataset": "ho_so", "mark": hashlib.md5("Mã thủ tục không tồn tại".encode()).hexdigest()}
    answer = busy.post("/endpoints/national_portal/resend", words)
    assert answer.headers["Location"] == "/lienthong/endpoints/national_portal?done=1"
    query = (
        "SELECT record_key, state, attempts, reason FROM publish.outbox WHERE record_key ~ '000[23]$' AND version = 1"
    )
    assert sorted(rows_of(busy.warehouse, query)) == [
        (f"{EA_SUP}-250903-0002", "pending", 0, None),
        (f"{EA_SUP}-250903-0003", "dead", 0, "Mã thủ tục không tồn tại"),
    ]
    assert busy.woken == ["publish.national_portal"]
    assert busy.post("/endpoints/national_portal/resend", words).status_code == 409, "nothing is left"
    assert busy.post("/endpoints/none/resend", words).status_code == 404
    assert rows_of(busy.warehouse, "SELECT act, place, count FROM ops.acts WHERE by = 'operator'") == [
        ("resend", "national_portal", 1)
    ]


def test_what_a_receiver_lost_is_sent_again_and_what_needs_a_person_is_not(busy):
    path = "/reconciliation/national_portal/resend"
    answer = busy.post(path, {"dataset": "ho_so", "kind": "missing", "key": world.DOSSIER})
    assert answer.headers["Location"] == "/lienthong/reconciliation/national_portal?done=1", answer.text
    again = "SELECT record_key FROM publish.outbox WHERE state = 'pending' AND run_id IS NOT NULL AND record_key = %s"
    assert rows_of(busy.warehouse, again, world.DOSSIER) == [(world.DOSSIER,)]
    assert rows_of(
        busy.warehouse, "SELECT act, place, dataset, subject, count FROM ops.acts WHERE by = 'operator'"
    ) == [("resend", "national_portal", "ho_so", world.DOSSIER, 1)]
    for given in ({"kind": "extra"}, {"kind": ""}, {"dataset": "ho_so", "kind": "different"}):
        assert busy.post(path, given).status_code == 409, given
    assert busy.post("/reconciliation/none/resend", {"kind": "missing"}).status_code == 404
    assert busy.woken == ["publish.national_portal"]


def test_a_pledge_keeps_letters_back_until_it_is_taken_back(busy):
    number = rows_of(busy.warehouse, "SELECT problem_id FROM ops.problems WHERE closed_at IS NULL ORDER BY 1")[0][0]
    query = "SELECT acknowledged_by, acknowledgement, acknowledged_until::text FROM ops.problems WHERE problem_id = %s"
    pledge = {"problem": str(number), "until": "2025-09-08", "note": "gọi điện cho xã"}
    for wrong in ({"note": " "}, {"until": "2026-01-01"}, {"until": "mai"}, {"problem": "x"}, {"problem": "99999"}):
        assert busy.post("/problems/pledge", {**pledge, **wrong}).status_code == 409, wrong
    assert rows_of(busy.warehouse, query, number) == [(None, None, None)]
    answer = busy.post("/problems/pledge", pledge)
    assert answer.headers["Location"] == f"/lienthong/problems/{number}?done=pledged"
    assert rows_of(busy.warehouse, query, number) == [("operator", "gọi điện cho xã", "2025-09-09 00:00:00+07")]
    assert "gọi điện cho xã" in busy.get("/alerts").text
    assert "operator nhận xử lý" in " ".join(Page(busy.get("/activity").text).text.split())
    assert busy.post("/problems/unpledge", {"problem": str(number), "note": "nhầm"}).status_code == 303
    assert rows_of(busy.warehouse, query, number) == [("operator", "nhầm", "2025-09-05 09:00:00+07")]
    assert "operator rút lại việc nhận xử lý" in " ".join(Page(busy.get("/activity").text).text.split())
    assert "took it back" in busy.get(f"/problems/{number}?lang=en").text
    assert busy.post("/problems/unpledge", {"problem": str(number)}).status_code == 409, "nobody sees to it"


def test_a_letter_that_was_given_up_leaves_again_to_who_is_still_written_to(busy):
    story = Story.__new__(Story)
    story.warehouse, story.units = busy.warehouse, {EA_SUP: "UBND xã Ea Súp"}
    known = story.contact(EA_SUP)
    world.problem(busy.warehouse, "blocked", "ho_so", EA_SUP)
    open_, closed = rows_of(busy.warehouse, "SELECT min(problem_id), max(problem_id) FROM ops.problems")[0]
    with busy.warehouse.session() as session:
        session.execute("UPDATE ops.problems SET closed_at = ops.moment() WHERE problem_id = %s", [closed])
        for number, (address, problem) in enumerate(
            [(known, open_), ("da.nghi@xa.example", open_), (known, closed), (known, open_)], 1
        ):
            session.execute(
                "INSERT INTO ops.letters (kind, role, channel, address, recipient, unit, content, message_id, state,"
                " attempts, due_at, reason, reported_at) VALUES ('digest', 'owner', 'email', %s, 'Xã', %s, '{}', %s,"
                " %s, 4, ops.moment() - interval '9 days', '550 no such <x@y.example>', ops.moment())",
                [address, EA_SUP, f"<{number}@x>", "sent" if number == 4 else "dead"],
            )
            session.execute("INSERT INTO ops.letter_problems VALUES (%s, %s, 'new')", [number, problem])
    assert "Gửi lại 1 thư" in busy.get("/alerts", "operator").text
    answer = busy.post("/alerts/resend", {"letter": ["1", "2", "3", "4"]})
    assert answer.headers["Location"] == "/lienthong/alerts?done=1", answer.text
    assert rows_of(busy.warehouse, "SELECT letter_id, state, attempts, reported_at IS NULL AS anew,"
                   " due_at = ops.moment() AS now FROM ops.letters ORDER BY 1") == [
        (1, "pending", 0, True, True), (2, "dead", 4, False, False), (3, "dead", 4, False, False),
        (4, "sent", 4, False, False),
    ], "not to an address that is gone, not about what is mended, and nothing twice"  # fmt: skip
    assert busy.post("/alerts/resend", {"letter": ["1", "2"]}).status_code == 409
    assert busy.woken == ["alerts"]
    acts = rows_of(busy.warehouse, "SELECT by, act, place, subject, count, reason FROM ops.acts WHERE by = 'operator'")
    assert acts == [("operator", "resend", "alerts", "#1", 1, "550 no such …")]
    assert "operator cho gửi lại thư" in " ".join(Page(busy.get("/activity").text).text.split())


LOOK = {"reason": "đối chiếu đơn khiếu nại số 12"}


def test_personal_values_are_shown_to_who_is_named_for_it_after_the_look_was_noted(busy):
    citizen, name = "001234567890", f"{world.PERSON} <b>\u202e"
    with busy.warehouse.session() as session:
        session.execute(
            "UPDATE quarantine.rows SET raw = raw || jsonb_build_object('chu_ho_so', %s::text, 'trich_yeu', %s::text,"
            " 'cot_la', 'lạ')", [name, citizen],
        )  # fmt: skip
    path, acts = (
        "/quarantine/1/values",
        "SELECT by, act, dataset, place, subject, reason FROM ops.acts WHERE act = 'looked'",
    )
    for name_of, why in (
        ("operator", "LIENTHONG_PERSONAL_DATA"),
        ("curious", "chỉ được xem"),
        ("viewer", "chỉ được xem"),
    ):
        refused = busy.post(path, LOOK, who=name_of)
        assert (refused.status_code, why in refused.text) == (403, True), name_of
        assert "/values" not in busy.get("/quarantine/1", name_of).text, "no button"
    assert busy.post(path, LOOK, who=None, seal="x").status_code == 401
    assert busy.post(path, LOOK, who="steward", seal=SEALS.make("operator")).status_code == 403
    assert busy.post(path, {"reason": "vì"}, who="steward").status_code == 409
    assert busy.post("/quarantine/99/values", LOOK, who="steward").status_code == 404
    assert rows_of(busy.warehouse, acts) == []
    page = busy.get("/quarantine/1", "steward").text
    assert "/quarantine/1/values" in page
    assert world.PERSON not in page
    answer = busy.post(path, LOOK, who="steward")
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    text = Page(answer.text).text
    assert f"{world.PERSON} <b>" in text
    assert citizen in text, "as received, with every digit"
    assert "cot_la" in text, "what the contract does not name"
    assert "\u202e" not in answer.text
    assert {"b", "script"}.isdisjoint(Page(answer.text).tags)
    assert rows_of(busy.warehouse, acts) == [("steward", "looked", "ho_so", EA_SUP, "1", LOOK["reason"])]
    shown = busy.get("/activity").text
    assert "xem dữ liệu cá nhân" in shown
    assert "/lienthong/quarantine/1" in Page(shown).links
    assert world.PERSON not in shown
    assert rows_of(busy.warehouse, "SELECT count(*) FROM ops.acts t WHERE t::text LIKE %s", f"%{citizen}%") == [(0,)]


def test_a_look_that_cannot_be_noted_shows_nothing(busy):
    with busy.warehouse.session() as session:
        session.execute("ALTER TABLE ops.acts ADD CONSTRAINT full_up CHECK (act <> 'looked') NOT VALID")
        session.execute("UPDATE quarantine.rows SET raw = raw || %s::jsonb", [f'{{"chu_ho_so": "{world.PERSON}"}}'])
    answer = busy.post("/quarantine/1/values", LOOK, who="steward")
    assert (answer.status_code, world.PERSON in answer.text) == (503, False)


def test_a_page_of_persons_that_does_not_ask_for_the_second_right_keeps_the_console_shut():
    import asyncio

    from fastapi import Depends

    from lienthong.console.acting import PERSONAL, needs, sealed, sees_persons

    for given, opens in (([needs("x"), Depends(sealed)], False), ([needs("x"), sees_persons(), Depends(sealed)], True)):
        app = application.make(None, guard, person, SECRET)
        app.router.add_api_route(
            "/do", lambda: None, methods=["POST"], tags=[PERSONAL], dependencies=[Depends(guard), *given]
        )
        app.router.routes.insert(0, app.router.routes.pop())
        if opens:
            asyncio.run(application.prove(app))
            continue
        with pytest.raises(NeedsPerson, match="mend its route"):
            asyncio.run(application.prove(app))


def test_receipts_of_a_dossier_are_found_with_those_of_its_steps(busy):
    text = " ".join(Page(busy.get(f"/endpoints?key={world.DOSSIER}").text).text.split())
    assert "2 biên nhận" in text
    assert f"{world.DOSSIER}|2025-09-03 08:00:00|2" in text
    assert "0 biên nhận" not in text
    assert "Chưa nơi nhận nào trả lời" in busy.get(f"/endpoints?key={world.DOSSIER[:-1]}").text


def test_an_action_that_asks_for_no_right_or_no_form_keeps_the_console_shut():
    import asyncio

    from fastapi import Depends

    from lienthong.console.acting import needs, sealed

    for given in ([], [needs("backfills")], [Depends(sealed)]):
        app = application.make(None, guard, person, SECRET)
        asyncio.run(application.prove(app))
        assert app.dependency_overrides == {who: person}, "nothing of the proof stays"
        app.router.add_api_route("/do", lambda: None, methods=["POST"], dependencies=[Depends(guard), *given])
        app.router.routes.insert(0, app.router.routes.pop())
        with pytest.raises(NeedsPerson, match="mend its route"):
            asyncio.run(application.prove(app))


def test_nobody_is_anybody_where_airflow_says_nothing_of_persons():
    with pytest.raises(Exception, match="403"):
        who()
    for short in (b"", b"short"):
        with pytest.raises(NeedsPerson):
            application.make(None, guard, person, short)
