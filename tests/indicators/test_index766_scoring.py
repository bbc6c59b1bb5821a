"""The portal's own counters give the portal's own scores, to the cent; what they do not determine is said."""

import csv
import io
import re
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.console import Console
from typer.testing import CliRunner

from lienthong.cli import app
from lienthong.commands import index, index_tables
from lienthong.errors import NeedsPerson
from lienthong.indicators.index766 import checking, ruleset, score
from lienthong.indicators.index766.scoring import points_of

ROOT = Path(__file__).resolve().parents[2]
VECTORS = Path(__file__).with_name("index_766_vectors.csv")
RULES = ruleset(ROOT)
# Sections 6.1 and 6.2 of the notes on the index: published figures of two whole provinces.
DAK_LAK = {
    "publish_on_time": 0, "publish_on_time_of": 82, "public_update": 79, "public_update_of": 82, "public_content": 79,
    "public_content_of": 79, "sync_dossiers": 370_610, "sync_dossiers_of": 370_610, "received": 443_565,
    "on_time": 393_087, "paid_online": 179_460, "with_fee": 204_757, "online_payment_formality": 160,
    "online_payment_formality_of": 376, "online_fee_formality": 56, "online_fee_formality_of": 376,
    "e_results": 284_995, "digitised": 93_664, "reused": 82_645, "synced_personal": 9_499, "citizen_data": 279_339,
    "citizen_formality": 380, "citizen_formality_of": 1_346, "satisfied": 392_869, "satisfied_of": 443_565,
    "pakn": 485, "pakn_on_time": 241, "pakn_handled": 186,
}  # fmt: skip
PHU_THO = {
    "on_time": 528_684, "received": 597_918, "online_full": 31, "online_partial": 21, "online_authority": 89,
    "online_used": 516, "online_services": 1_884, "online_dossiers": 589_496, "online_dossiers_of": 597_894,
    "paid_online": 309_542, "with_fee": 358_625, "online_payment_formality": 119, "online_payment_formality_of": 313,
    "online_fee_formality": 68, "online_fee_formality_of": 313,
}  # fmt: skip


@pytest.fixture(scope="module")
def lines():
    return checking.check(checking.read(VECTORS), RULES)


def test_every_determined_figure_of_all_41_units_is_equal_to_the_cent(lines):
    console = Console(width=170)
    index_tables.show(console, lines, RULES)
    units = {line.unit for line in lines}
    assert len(units) == 41
    assert [line for line in lines if line.contradicts] == []
    # None of them passes by not being looked at.
    compared = [(line.unit, line.kind, line.code) for line in lines if line.determined and line.published is not None]
    for unit in units:
        own = {code for where, kind, code in compared if where == unit and kind in ("part", "group", "total", "class")}
        assert own >= {
            "TDGQ", "TTTT", "MDSH", "MDHL", "TOTAL", "CLASS", "PROGRESS_ON_TIME", "ORIGINAL_RESULT_AVAILABLE",
            "SO_HOA_GIAY_TO_GIAI_QUYET", "REUSED_DIGITIZED_DATA", "SYNCED_WITH_DVCQG_PERSONAL_STORAGE",
            "CITIZEN_DATA_CONNECTED_DOSSIER", "CITIZEN_DATA_CONNECTED_FORMALITY", "ELECTRONIC_CERTIFIED_COPY",
            "DOSSIER_RECEIVING_SATISFACTION", "PETITION_PROCESSING_ON_TIME", "PETITION_HANDLING_SATISFACTION",
        }  # fmt: skip
    assert len(compared) == 41 * (3 + 11 + 4 + 2)


def test_what_cannot_be_explained_is_named_with_its_reason_and_its_size(lines):
    open_codes = {line.code for line in lines if not line.determined and line.kind == "part"}
    assert open_codes == {
        "PUBLISH_ON_TIME", "PUBLIC_UPDATE_ON_TIME", "PUBLIC_CONTENT_FULL", "ONLINE_SERVICE_PROVIDED",
        "ONLINE_SERVICE_USED", "ONLINE_DOSSIER",
    }  # fmt: skip
    assert all(line.why for line in lines if not line.determined)
    # Transparency without its line of synchronisation is the province's value in every unit, 0 + 3.85 + 2.
    rests = {line.published - line.computed for line in lines if line.code == "CKMB"}
    assert rests == {Decimal("5.85")}


def test_the_worked_provinces_come_out_as_published():
    dak_lak = score(DAK_LAK, RULES)
    assert {part.part.number: str(part.score) for part in dak_lak.parts if part.determined and part.part.max} == {
        "1.1": "0.00", "1.2": "3.85", "1.3": "2.00", "1.4": "6.00", "2.1": "17.72", "3.5": "1.06", "3.5b": "0.37",
        "3.6": "5.26", "4.1": "3.86", "4.2": "0.84", "4.3": "0.47", "4.4": "0.09", "4.5": "1.26", "4.5b": "0.56",
        "4.6": "2.00", "5.2": "2.98", "5.3": "2.30", "5.4": "5.90",
    }  # fmt: skip
    groups = {one.group.code: (str(one.score), one.whole) for one in dak_lak.groups}
    assert groups == {
        "CKMB": ("11.85", True), "TDGQ": ("17.72", True), "CLGQ": ("0.00", False), "TTTT": ("6.69", True),
        "MDSH": ("9.08", True), "MDHL": ("11.18", True),
    }  # fmt: skip
    assert dak_lak.completed({"CLGQ": Decimal("8.97")}) == Decimal("65.49")
    assert RULES.class_of(Decimal("65.49")) == "Trung bình"
    assert dak_lak.completed({}) is None, "without the online services there is no total"
    assert (dak_lak.score, dak_lak.reachable) == (Decimal("56.52"), 88)
    phu_tho = {part.part.number: str(part.score) for part in score(PHU_THO, RULES).parts if part.determined}
    assert {number: phu_tho[number] for number in ("2.1", "3.1", "3.2", "3.3", "3.5", "3.5b", "3.6")} == {
        "2.1": "17.68", "3.1": "1.46", "3.2": "1.10", "3.3": "6.00", "3.5": "0.95", "3.5b": "0.54", "3.6": "5.18",
    }  # fmt: skip


def test_nothing_counted_is_scored_part_by_part_and_nothing_known_is_no_zero():
    names = {name for part in RULES.parts for name in (*part.numerator, *part.denominator)}
    empty = score(dict.fromkeys(names, 0), RULES)
    given_points = {one.part.number: one.score for one in empty.parts if one.score}
    assert given_points == {"4.6": 2, "5.2": 6, "5.3": 6}, "section 4: 12 of satisfaction and 2 of digitisation"
    unknown = score({}, RULES)
    assert [one.part.number for one in unknown.parts if one.determined] == ["4.6"]
    assert all(one.score is None and one.why for one in unknown.parts if not one.determined)
    unhandled = score({"pakn": 1, "pakn_on_time": 0, "pakn_handled": 0}, RULES)
    assert [unhandled.part(code).score for code in ("PETITION_PROCESSING_ON_TIME", "PETITION_HANDLING_SATISFACTION")]
    assert unhandled.part("PETITION_PROCESSING_ON_TIME").score == 0


@pytest.mark.parametrize("code", sorted(part.code for part in RULES.parts if part.denominator and not part.always))
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_points_are_the_exact_ratio_rounded_half_up_and_stay_within_bounds(code, data):
    part = RULES.part(code)
    # Multiples of a two-hundredth of a point are where halves lie.
    whole = data.draw(st.one_of(st.integers(1, 10**9), st.integers(1, 10**5).map(lambda n: n * 1200)))
    some = data.draw(st.one_of(st.integers(0, 2 * whole), st.integers(0, 1200).map(lambda n: n * whole // 1200)))
    points = points_of(part, Decimal(some), Decimal(whole))
    ratio = Fraction(some, whole)
    if part.ratio_first:
        ratio = Fraction(int(ratio * 10_000 + Fraction(1, 2)), 10_000)
    exact = Fraction(part.max) * min(Fraction(1), ratio / Fraction(part.full_at))
    assert points == Decimal(int(exact * 100 + Fraction(1, 2))) / 100
    assert 0 <= points <= part.max
    assert points <= points_of(part, Decimal(some + 1), Decimal(whole)), "more on time is never fewer points"


def test_the_paper_s_wording_is_another_choice_of_the_same_rules():
    paper = ruleset(ROOT, wording="paper")
    counters = {
        **DAK_LAK,
        **PHU_THO,
        "digitised": 400,
        "received": 1000,
        "sync_dossiers": 500,
        "sync_dossiers_of": 1000,
    }
    ours, theirs = score(counters, RULES), score(counters, paper)
    assert ours.part("SO_HOA_GIAY_TO_GIAI_QUYET").score == Decimal("1.60")
    assert theirs.part("SO_HOA_GIAY_TO_GIAI_QUYET").score == Decimal("2.00"), "full at 80 %"
    assert (ours.part("ONLINE_DOSSIER").score, theirs.part("ONLINE_DOSSIER").score) == (6, Decimal("5.92"))
    assert not theirs.part("ORIGINAL_RESULT_AVAILABLE").determined, "the file does not count what gives a document"


def test_rules_that_contradict_themselves_are_refused_by_name(tmp_path):
    text = (ROOT / "sql/marts/index766.yaml").read_text(encoding="utf-8")
    (tmp_path / "sql/marts").mkdir(parents=True)
    spoilt = text.replace("code: PUBLIC_UPDATE_ON_TIME", "code: PUBLISH_ON_TIME").replace("max: 20", "max: 21")
    (tmp_path / "sql/marts/index766.yaml").write_text(spoilt, encoding="utf-8")
    with pytest.raises(NeedsPerson, match=r"PUBLISH_ON_TIME stands twice; the parts add up to 101 points, not 100"):
        ruleset(tmp_path)
    with pytest.raises(NeedsPerson, match="no rules '2020'"):
        ruleset(ROOT, version="2020")


def run(*words):
    return CliRunner().invoke(app, ["index", "score", *map(str, words)], env={"COLUMNS": "200"})


def test_the_command_writes_every_figure_and_ends_well(tmp_path):
    found = run("--counters", VECTORS, "--output", tmp_path / "out.csv")
    assert found.exit_code == 0, found.output
    assert "820 of 820 published figures" in found.output
    rows = list(csv.DictReader(io.StringIO((tmp_path / "out.csv").read_text(encoding="utf-8-sig"))))
    assert len({row["department_code"] for row in rows}) == 41
    (row,) = [row for row in rows if (row["department_code"], row["code"]) == ("H15.131", "PROGRESS_ON_TIME")]
    assert (row["numerator"], row["denominator"], row["computed"], row["published"], row["difference"]) == (
        "7456", "7672", "19.44", "19.44", "0.00",
    )  # fmt: skip


def test_a_figure_that_was_published_otherwise_is_shown_and_told_by_the_exit_code(tmp_path):
    text = VECTORS.read_text(encoding="utf-8")
    found = next(line for line in text.splitlines() if line.startswith("H15.131,"))
    for old, new, said in (
        (",19.44,", ",19.43,", r"H15\.131 2\.1 .*computed 19\.44, published 19\.43"),
        (",11.85,19.44,", ",5.85,19.44,", r"H15\.131 CKMB .*computed 6\.00, published 5\.85"),
    ):
        assert found.count(old) == 1
        (tmp_path / "spoilt.csv").write_text(text.replace(found, found.replace(old, new)), encoding="utf-8")
        done = run("--counters", tmp_path / "spoilt.csv")
        assert done.exit_code == index.CONTRADICTED, done.output
        assert re.search(said, done.output), done.output


def test_a_wrong_file_is_refused_with_its_lines(tmp_path):
    text = VECTORS.read_text(encoding="utf-8")
    lines = text.splitlines()
    spoilt = lines[1].replace(",810,659,", ",-810,sáu,")
    file = tmp_path / "wrong.csv"
    for content, said in (
        (text.replace("received,on_time", "nhan,on_time", 1), r"line 1: .*missing: received; not known: nhan"),
        ("\n".join([lines[0], spoilt]), "line 2: received is '-810'.*on_time is 'sáu'"),
        ("\n".join([lines[0], lines[1], lines[1]]), r"line 3: H15\.03 stands twice"),
        ("\n".join([lines[0], lines[1], lines[2] + ",1"]), r"line 3: not as many cells as columns"),
        (lines[0], "has no unit"),
    ):  # fmt: skip
        file.write_text(content + "\n", encoding="utf-8")
        done = run("--counters", file)
        assert done.exit_code == 1
        assert re.search(said, " ".join(done.output.split())), done.output
    file.write_bytes(text.encode("utf-16"))
    assert "cannot be read as CSV in UTF-8" in run("--counters", file).output
