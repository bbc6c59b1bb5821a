"""The manners of alerts, each as a short story on the clock."""

import json
import multiprocessing
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lienthong.alerts.compose import compose
from lienthong.settings import ROOT
from lienthong.warehouse import Warehouse

from .alert_stories import DOWN, EA_BUNG, EA_SUP, PROVINCE, Story, said
from .builders import day, rows_of

EA_SUP_MAIL, SUPPORT = "h15.131@xa.example", "dulieu.hoso@daklak.example"


@pytest.fixture
def story(province, contracts):
    """Monday the 8th of September 2025, eight o'clock; Ea Súp and the province's team can be written to."""
    story = Story(province, contracts).at(8)
    story.contact(EA_SUP)
    story.contact("")
    assert story.tick() == {}, "the morning's digest has nothing to say"
    return story


def test_what_cannot_wait_is_told_at_once_and_once(story):
    story.stale(EA_SUP)
    assert story.tick() == {}, "others may join it within the next two minutes"
    written = story.at(8, 8, 2).tick()
    assert {address: said(letter) for address, letter in written.items()} == {
        EA_SUP_MAIL: ("immediate", [("new", "stale", "ho_so", EA_SUP)])
    }
    letter = written[EA_SUP_MAIL]
    assert (letter.recipient, letter.unit) == (story.units[EA_SUP], EA_SUP)
    assert letter.told[0].since == "2025-09-08T08:00:00+07:00"
    assert letter.told[0].reason == "Kỳ dữ liệu đầy đủ gần nhất là ngày 03/09/2025; từ đó chưa có kỳ nào mới."
    assert story.at(8, 16).tick() == {}
    assert story.at(9, 7).tick() == {}
    assert said(story.at(9, 7, 30).tick()[EA_SUP_MAIL]) == ("digest", [("still", "stale", "ho_so", EA_SUP)])
    assert story.at(9, 9).tick() == {}


def test_all_clear_is_told_once_and_nothing_is_said_of_it_again(story):
    story.stale(EA_SUP)
    story.hold(EA_SUP, "a")
    story.at(8, 8, 2).tick()
    story.at(9, 7, 30).tick()
    story.at(9, 14).stale(looked=[EA_SUP])
    story.mend("a")
    assert story.tick() == {}
    mended = [("mended", "rows", "ho_so", EA_SUP), ("mended", "stale", "ho_so", EA_SUP)]
    assert {a: said(letter) for a, letter in story.at(9, 14, 2).tick().items()} == {EA_SUP_MAIL: ("all_clear", mended)}
    assert story.at(10, 7, 30).tick() == {}


def test_all_clear_waits_for_office_hours(story):
    story.stale(EA_SUP)
    story.at(8, 9).tick()
    story.at(8, 18).stale(looked=[EA_SUP])
    assert story.at(8, 19).tick() == {}
    assert story.at(9, 7).tick()[EA_SUP_MAIL].kind == "all_clear"


def test_warnings_are_told_daily_and_leave_without_an_all_clear(story):
    with story.warehouse.session() as session:
        session.execute(
            "INSERT INTO ops.problems (kind, dataset, source, count, details) VALUES ('warnings', 'ho_so', %s, 2, %s)",
            [EA_SUP, json.dumps({"rules": {"email_hop_le": 2}, "keys": {"email_hop_le": ["H15.131-250930-0007"]}})],
        )
    assert story.at(8, 16).tick() == {}
    letter = story.at(9, 7, 30).tick()[EA_SUP_MAIL]
    assert said(letter) == ("digest", [("new", "warnings", "ho_so", EA_SUP)])
    [broken] = letter.told[0].rules
    assert (broken.severity, broken.count, broken.keys) == ("warn", 2, ("H15.131-250930-0007",))
    assert said(story.at(10, 7, 30).tick()[EA_SUP_MAIL])[1][0][0] == "still"
    with story.warehouse.session() as session:
        session.execute("UPDATE ops.problems SET closed_at = ops.moment()")
    assert story.at(10, 9).tick() == {}, "a later window without warnings does not mend those of an earlier one"


def test_the_province_gets_a_summary_from_five_units_on(story):
    units = [unit for unit in story.units if unit != EA_SUP][:5]
    story.stale(*units[:4])
    assert PROVINCE not in story.at(8, 9).tick()
    story.stale(*units)
    written = story.at(8, 10).tick()
    assert (written[PROVINCE].kind, len(written[PROVINCE].told)) == ("summary", 5)
    assert story.at(8, 11).tick() == {}


def test_what_was_mended_before_anybody_was_told_is_nobodys_business(story):
    story.at(8, 20).stale(EA_SUP)
    story.at(8, 23).stale(looked=[EA_SUP])
    assert story.at(9, 7).tick() == {}
    assert story.at(9, 7, 30).tick() == {}


def test_quiet_hours_and_days_off_hold_letters_back_but_not_from_a_contact_on_duty(story):
    duty = story.contact(EA_SUP, "truc@xa.example", hours=False)
    story.at(29, 22, month=8).stale(EA_SUP)  # a Friday; 30 August to 2 September are days off
    story.hold(EA_SUP, "a")
    assert set(story.at(29, 22, 2, month=8).tick()) == {duty}
    for number, month in ((30, 8), (31, 8), (1, 9), (2, 9)):
        assert story.at(number, 9, month=month).tick() == {}
    assert said(story.at(3, 7).tick()[EA_SUP_MAIL]) == ("immediate", [("new", "stale", "ho_so", EA_SUP)])
    written = story.at(3, 7, 30).tick()
    assert said(written[EA_SUP_MAIL]) == ("digest", [("new", "rows", "ho_so", EA_SUP)])
    both = [("new", "rows", "ho_so", EA_SUP), ("still", "stale", "ho_so", EA_SUP)]
    assert said(written[duty]) == ("digest", both)


def test_a_digest_that_was_late_is_written_in_office_hours_of_the_same_day(story):
    story.hold(EA_SUP, "a")
    assert set(story.at(9, 16, 59).tick()) == {EA_SUP_MAIL, PROVINCE}
    story.hold(EA_SUP, "b", dataset="tien_trinh")
    assert story.at(10, 17).tick() == {}, "the office has closed"
    assert set(story.at(11, 7, 30).tick()) == {EA_SUP_MAIL, PROVINCE}


def test_a_source_that_is_down_is_told_beyond_its_tolerance_with_all_its_datasets(story):
    story.at(8, 0, 10).source(EA_SUP, day(7), DOWN)
    story.at(8, 0, 20).source(EA_SUP, day(7), DOWN, dataset="tien_trinh")
    assert story.at(8, 6, 9).tick() == {}
    story.at(8, 9).source(EA_SUP, day(7))
    story.at(8, 9).source(EA_SUP, day(7), dataset="tien_trinh")
    assert story.tick() == {}, "back within an hour of the office's opening, and never told"
    assert story.at(9, 7, 30).tick() == {}
    story.at(9, 10).source(EA_SUP, day(8), DOWN)
    story.at(9, 10, 20).source(EA_SUP, day(8), DOWN, dataset="tien_trinh")
    assert story.at(9, 15, 59).tick() == {}
    datasets = [("new", "source_down", "ho_so", EA_SUP), ("new", "source_down", "tien_trinh", EA_SUP)]
    assert {a: said(letter) for a, letter in story.at(9, 16).tick().items()} == {EA_SUP_MAIL: ("immediate", datasets)}
    assert "máy chủ không trả lời" in story.letters()[-1][1].told[0].reason


def test_a_hundred_and_two_communes_failing_at_once(province, contracts):
    story = Story(province, contracts).at(8)
    communes = [code for code, name in story.units.items() if name.startswith(("UBND", "Xã", "Phường", "xã"))][:102]
    assert len(communes) == 102
    addresses = {story.contact(unit): unit for unit in communes}
    story.contact("")
    story.at(8, 1)
    for unit in communes:
        story.source(unit, day(7), DOWN)
        story.source(unit, day(7), DOWN, dataset="tien_trinh")
    written = story.at(8, 7, 1).tick()
    assert len(written) == 103
    for address, unit in addresses.items():
        datasets = [("new", "source_down", name, unit) for name in ("ho_so", "tien_trinh")]
        assert said(written[address]) == ("immediate", datasets)
    summary = written[PROVINCE]
    assert (summary.kind, len(summary.told), summary.held) == ("summary", 204, ())
    digests = story.at(9, 7, 30).tick()
    assert {letter.kind for letter in digests.values()} == {"digest", "summary"}
    assert len(digests) == 103
    for unit in communes:
        story.source(unit, day(7))
        story.source(unit, day(7), dataset="tien_trinh")
    cleared = story.at(9, 9).tick()
    assert set(cleared) == set(addresses), "one all clear each"
    assert {letter.kind for letter in cleared.values()} == {"all_clear"}


def test_a_problem_that_comes_back_within_the_cooling_off_waits_for_the_digest(story):
    story.stale(EA_SUP)
    story.at(8, 9).tick()
    story.stale(looked=[EA_SUP])
    assert story.at(8, 10).tick()[EA_SUP_MAIL].kind == "all_clear"
    story.stale(EA_SUP)
    assert story.at(8, 11).tick() == {}
    assert said(story.at(9, 7, 30).tick()[EA_SUP_MAIL]) == ("digest", [("new", "stale", "ho_so", EA_SUP)])
    story.stale(looked=[EA_SUP])
    story.at(9, 9).tick()
    story.at(11, 9).stale(EA_SUP)
    assert story.at(11, 9, 2).tick()[EA_SUP_MAIL].kind == "immediate", "days later it is another problem"


def test_the_letters_about_one_problem_are_one_thread(story):
    story.stale(EA_SUP)
    story.at(8, 9).tick()
    story.hold(EA_SUP, "a")
    story.at(9, 7, 30).tick()
    story.stale(looked=[EA_SUP])
    story.mend("a")
    story.at(9, 9).tick()
    found = rows_of(
        story.warehouse,
        "SELECT letter_id, message_id, \"references\" FROM ops.letters WHERE role = 'owner' ORDER BY letter_id",
    )
    [root, second, third] = [message for _, message, _ in found]
    assert [references for _, _, references in found] == [[], [root], [root, second]]
    assert third == f"<thu.{found[2][0]}.{int(story.now.timestamp())}@daklak.example>"


def test_what_goes_on_is_escalated_once_unless_somebody_has_pledged_to_mend_it(story):
    story.hold(EA_SUP, "a")
    story.hold(EA_SUP, "b", dataset="tien_trinh")
    story.at(9, 7, 30).tick()  # Tuesday
    pledge(story, "tien_trinh", until=story.now + timedelta(days=1))
    for number in (10, 11):
        assert story.at(number, 7, 30).tick()[PROVINCE].kind == "summary"
    letter = story.at(12, 7, 30).tick()[PROVINCE]
    assert letter.kind == "escalation"
    assert [(t.state, t.dataset) for t in letter.told] == [("escalated", "ho_so"), ("still", "tien_trinh")]
    assert [t.dataset for t in story.letters()[-1][1].told] != [], "the owner's digest goes on"
    assert story.at(15, 7, 30).tick()[PROVINCE].told[0].dataset == "tien_trinh", "three days after the pledge ended"
    assert story.at(16, 7, 30).tick()[PROVINCE].kind == "summary"
    story.mend("a", "b")
    story.mend("b", dataset="tien_trinh")
    assert {a: letter.kind for a, letter in story.at(16, 9).tick().items()} == {
        EA_SUP_MAIL: "all_clear", PROVINCE: "all_clear",
    }  # fmt: skip


def pledge(story, dataset, until):
    with story.warehouse.session() as session:
        session.execute(
            "UPDATE ops.problems SET acknowledged_by = 'cán bộ', acknowledged_at = ops.moment(),"
            " acknowledged_until = %s WHERE dataset = %s",
            [until, dataset],
        )


def test_a_pledge_keeps_a_problem_out_of_letters_until_it_ends(story):
    story.stale(EA_SUP)
    pledge(story, "ho_so", until=story.now + timedelta(hours=3))
    assert story.at(8, 9).tick() == {}
    assert story.at(8, 11).tick()[EA_SUP_MAIL].kind == "immediate"


def test_a_unit_reads_of_its_own_records_only(story):
    bung = story.contact(EA_BUNG)
    for unit, keys in ((EA_SUP, ("H15.131-250930-0001", "H15.131-250930-0002")), (EA_BUNG, ("H15.132-250930-0009",))):
        story.hold(unit, *keys, chu_ho_so="Nguyễn Văn Mật", so_dinh_danh="066090900001", ma_tthc="9.999999")
    story.source(EA_SUP, day(5), "nguon_thay_doi")
    written = story.at(9, 7, 30).tick()
    assert [told.kind for told in written[EA_SUP_MAIL].told] == ["schema_drift", "rows"], "the urgent first"
    texts = {address: json.dumps(letter.to_json(), ensure_ascii=False) for address, letter in written.items()}
    for address, own, other in ((EA_SUP_MAIL, EA_SUP, EA_BUNG), (bung, EA_BUNG, EA_SUP)):
        assert own in texts[address]
        assert other not in texts[address]
        assert story.units[other] not in texts[address]
        told = written[address].told[-1]
        assert told.rules[0].sentence == rule(story, "ma_tthc_ton_tai").sentence
    assert written[EA_SUP_MAIL].told[-1].rules[0].keys == ("H15.131-250930-0001", "H15.131-250930-0002")
    line = written[bung].held[0]
    assert (line.reference, line.window, line.line, line.column, line.value) == (
        "H15.132-250930-0009", "2025-09-05", "1", "ma_tthc", "9.999999",
    )  # fmt: skip
    assert "-250930-" not in texts[PROVINCE], "the province counts, it reads no record"
    assert {told.count for told in written[PROVINCE].told} == {0, 1, 2}
    for text in texts.values():
        assert "Mật" not in text
        assert "066090900001" not in text


def rule(story, name):
    return next(rule for rule in story.contracts["ho_so"].rules if rule.id == name)


def test_a_personal_value_is_told_by_its_length(story):
    story.hold(EA_SUP, "H15.131-250930-0001", rules=["so_dinh_danh_hop_le"], so_dinh_danh="06609090000")
    if "so_dinh_danh_hop_le" not in {rule.id for rule in story.contracts["ho_so"].rules}:
        pytest.fail("the contract no longer has the rule that this test is about")
    held = story.at(9, 7, 30).tick()[EA_SUP_MAIL].held
    assert ("so_dinh_danh", "•••• (11 ký tự, đã che)") in {(line.column, line.value) for line in held}


def test_an_attachment_has_a_limit_and_the_rest_is_counted(story, monkeypatch):
    monkeypatch.setattr("lienthong.alerts.outbox.MOST_ROWS", 3)
    story.hold(EA_SUP, *[f"H15.131-250930-{number:04d}" for number in range(1, 13)])
    letter = story.at(9, 7, 30).tick()[EA_SUP_MAIL]
    assert (len(letter.held), letter.held_left_out, letter.told[0].count) == (3, 9, 12)
    assert len(letter.told[0].rules[0].keys) == 10


def test_a_unit_without_a_contact_is_told_through_the_support_of_the_dataset(story):
    story.hold(EA_BUNG, "a")
    story.hold(EA_BUNG, "b", dataset="tien_trinh")
    letter = story.at(9, 7, 30).tick()[SUPPORT]
    assert len(letter.told) == 2
    assert letter.recipient == story.contracts["ho_so"].owner
    assert f"{story.units[EA_BUNG]} ({EA_BUNG})" in letter.notes[0]
    story.contact(EA_BUNG)
    assert set(story.at(10, 7, 30).tick()) == {"h15.132@xa.example", PROVINCE}


def test_a_letter_that_was_refused_for_good_is_reported_to_the_province_once(story):
    story.hold(EA_SUP, "a")
    story.at(9, 7, 30).tick()
    with story.warehouse.session() as session:
        session.execute(
            "UPDATE ops.letters SET state = 'dead', reason = '550 no such user' WHERE address = %s", [EA_SUP_MAIL]
        )
    assert "550 no such user" in story.at(10, 7, 30).tick()[PROVINCE].notes[0]
    assert story.at(11, 7, 30).tick()[PROVINCE].notes == ()


def test_hostile_names_and_keys_stand_inert_in_the_letter(story):
    unit = "x\u202e\r\nBcc: a@b.example\u200b<script>"
    story.contact(unit.strip(), "xau@xa.example")
    with story.warehouse.session() as session:
        session.execute("UPDATE ops.contacts SET name = %s WHERE unit = %s", ["=1+1\x07\u2066<b>", unit])
    story.source(unit, day(7), "nguon_thay_doi", reason="cột\x1b[31m\u202e 066090900001" + "x" * 1_000_000)
    story.hold(unit, "k\u202e\n066090900001", "=HYPERLINK(1)", rules=["khong_co_quy_tac_nay"])
    letter = story.at(9, 7, 30).tick()["xau@xa.example"]
    text = json.dumps(letter.to_json(), ensure_ascii=False)
    assert len(text) < 8_000
    assert "066090900001" not in text
    for character in "\u202e\u2066\u200b\x1b\x07":
        assert character not in text
    strings = [letter.recipient, *(t.source_name for t in letter.told), *(t.reason for t in letter.told)]
    assert not any("\n" in string or "\r" in string for string in strings)


def test_a_kill_before_the_commit_leaves_nothing_half_written(story, tmp_path, monkeypatch):
    story.hold(EA_SUP, "a")
    story.stale(EA_SUP)
    story.at(9, 7, 30)
    (tmp_path / "alerts.before_commit").write_text("kill")
    monkeypatch.setenv("LIENTHONG_CRASH_DIR", str(tmp_path))
    child = multiprocessing.get_context("fork").Process(
        target=compose, args=(story.warehouse, story.contracts, story.settings)
    )
    child.start()
    child.join(30)
    assert child.exitcode == -9
    assert story.letters() == []
    assert rows_of(story.warehouse, "SELECT day FROM ops.digests WHERE day > '2025-09-08'") == []
    assert set(story.tick()) == {EA_SUP_MAIL, PROVINCE}


def test_nobody_to_write_to_is_said_and_waits(province, contracts):
    story = Story(province, {"ho_so": contracts["ho_so"], "don_vi": contracts["don_vi"]}).at(8)
    story.contracts = {**story.contracts, "ho_so": without_support(contracts["ho_so"])}
    story.stale(EA_SUP)
    story.at(8, 9)
    assert compose(province, story.contracts, story.settings).nobody == 1
    story.contact("")
    assert said(story.tick()[PROVINCE]) == ("immediate", [("new", "stale", "ho_so", EA_SUP)])


def without_support(contract):
    return replace(contract, support=())


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["open", "close", "tick", "tick"]),
        st.sampled_from([EA_SUP, EA_BUNG]),
        st.integers(1, 900),  # minutes until the next step
    ),
    min_size=3,
    max_size=25,
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_in_any_order_no_immediate_letter_is_lost_or_doubled(new_database, migrated, contracts, steps):
    """Sources become stale and fresh, letters are composed, whenever: each problem is told at once exactly once to
    its owner, at the latest in the next office hours, and after every all clear it is told again before another."""
    with new_database(migrated) as connection:
        story = Story(Warehouse(connection, ROOT), contracts).at(8)
        for unit in (EA_SUP, EA_BUNG):
            story.contact(unit)
        moment = story.now
        stale = set()
        for what, unit, minutes in steps:
            move(story, moment)
            if what == "tick":
                compose(story.warehouse, contracts, story.settings)
            else:
                (stale.add if what == "open" else stale.discard)(unit)
                story.stale(*stale, looked=[EA_SUP, EA_BUNG])
            moment += timedelta(minutes=minutes)
        move(story, moment.replace(hour=9) + timedelta(days=7 - moment.weekday()))  # the next Monday
        story.tick()
        history = {}
        for problem, unit, kind, state in rows_of(
            story.warehouse,
            "SELECT p.problem_id, l.unit, l.kind, p.state FROM ops.letter_problems p JOIN ops.letters l"
            " USING (letter_id) ORDER BY letter_id",
        ):
            history.setdefault((problem, unit), []).append((kind, state))
        open_now = rows_of(story.warehouse, "SELECT problem_id, source FROM ops.problems WHERE closed_at IS NULL")
        assert {unit for _, unit in open_now} == stale
        for problem, unit in open_now:
            assert history[(problem, unit)][0][1] == "new"
            assert history[(problem, unit)][-1][1] != "mended"
        for told in history.values():
            assert told[0] == ("immediate", "new")
            states = [state for _, state in told]
            assert ("mended", "mended") not in list(pairwise(states))
            assert not [kind for kind, state in told[1:] if kind == "immediate" and state == "new"]


def move(story, moment):
    story.at(moment.day, moment.hour, moment.minute, month=moment.month)
