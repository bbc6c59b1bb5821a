"""The pages of the indicators say what the marts say, of what and in whose words; what is not known is never 0."""

import csv
import io
import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime
from decimal import Decimal

import pytest

from lienthong.console import charts
from lienthong.console.indicators import export, figures
from lienthong.console.indicators.figures import FEW
from lienthong.console.indicators.kept import Kept, State
from lienthong.indicators import reading
from lienthong.indicators.refresh import refresh

from ..indicators import world as dossiers
from ..sql.alert_stories import EA_BUNG, EA_SUP
from ..sql.builders import rows_of
from .world import HOSTILE, OFFICER, PERSON, Page, serving

NATIONAL, LOCAL = "dung_han_quoc_gia", "dung_han_dia_phuong"
AUGUST = date(2025, 8, 1)


def workbook(content):
    from openpyxl import load_workbook

    return load_workbook(io.BytesIO(content)).worksheets[0]


def words(console, path):
    answer = console.get(path)
    assert answer.status_code == 200, (path, answer.text)
    return " ".join(Page(answer.text).text.split())


def value(trouble, indicator, unit, start=AUGUST, kind="month"):
    with trouble.warehouse.session() as session:
        found = reading.values(session, indicators=[indicator], units=[unit], kind=kind, first=start, last=start)
    return found[0] if found else None


def percent(number):
    return f"{number * 100:.2f}".replace(".", ",") + "%"


def test_the_overview_shows_both_definitions_with_their_denominators_beside_each_other(console, trouble):
    text = words(console, "/indicators?period=2025-08")
    for ident in (NATIONAL, LOCAL):
        found = value(trouble, ident, "H15")
        assert f"{percent(found.value)}" in text
        assert f"{found.numerator:.0f} / {found.denominator:.0f} hồ sơ" in text
    order = [text.index(one) for one in ("hồ sơ tiếp nhận trong kỳ", "hồ sơ đã giải quyết trong kỳ", "Chỉ số chính")]
    assert order == sorted(order)
    assert value(trouble, "hai_long_phan_anh", "H15") is None
    assert re.search(r"hài lòng với xử lý phản ánh chưa có số liệu", text)


def test_a_running_period_says_how_far_it_has_come_and_what_was_asked_stays_in_every_link(console):
    assert "chưa hết kỳ, số liệu đến hết ngày 04/09/2025" in words(console, "/indicators")
    page = Page(console.get("/indicators?period=2025-08&asof=2025-09-05").text)
    inner = [link for link in page.links if re.match(r"/lienthong/(indicators/|on-time)", link)]
    assert len(inner) > 50
    assert all("period=2025-08" in link and "asof=2025-09-05" in link for link in inner)


@pytest.mark.parametrize("unit", ["", "/H15-XA", "/H15-SO", f"/{EA_SUP}"])
@pytest.mark.parametrize(("period", "kind", "start"), [
    ("2025-07", "month", date(2025, 7, 1)), ("2025-08", "month", AUGUST), ("2025-09", "month", date(2025, 9, 1)),
    ("2025-Q3", "quarter", date(2025, 7, 1)), ("2025", "year", date(2025, 1, 1)),
    ("2025-08-12", "day", date(2025, 8, 12)),
])  # fmt: skip
def test_the_bridge_between_the_definitions_adds_up_to_both_of_them(console, trouble, unit, period, kind, start):
    page = console.get(f"/on-time{unit}?period={period}").text
    sums = re.search(r"<tfoot>(.*?)</tfoot>", page, re.DOTALL)[1]
    cells = [int(text.replace(".", "") or 0) for text in re.findall(r'<td class="n">([0-9.]*)</td>', sums)]
    for ident, (on_time, others) in zip((NATIONAL, LOCAL), (cells[:2], cells[2:]), strict=True):
        found = value(trouble, ident, unit[1:] or "H15", start, kind)
        told = (0, 0) if found is None else (int(found.numerator), int(found.denominator))
        assert (on_time, on_time + others) == told, ident


def test_every_reason_leads_to_as_many_named_dossiers_as_it_says(console):
    text = console.get("/on-time?period=2025-08").text
    reasons = set(re.findall(r"reason=([a-z_]+)", text))
    assert len(reasons) >= 6, "the world has dossiers of many kinds"
    for reason in reasons:
        row = re.search(rf"reason={reason}&.*?</th>(.*?)</tr>", text, re.DOTALL)[1]
        counts = [int(number.replace(".", "") or 0) for number in re.findall(r'<td class="n">([0-9.]*)</td>', row)]
        leaf, found = 0, []
        while True:
            page = console.get(f"/on-time?period=2025-08&reason={reason}&leaf={leaf}").text
            found += re.findall(r'<th scope="row"><code>(H15[^<]+)</code>', page)
            if f"leaf={leaf + 1}" not in page:
                break
            leaf += 1
        assert len(found) == len(set(found)) == max(sum(counts[:2]), sum(counts[2:])), reason


def test_units_are_ranked_by_what_is_better_and_who_has_no_figure_stands_last(console, trouble):
    def lines(path):
        level = console.get(path).text.partition('id="commune"')[2]
        return re.findall(r'<tr><td class="n">([0-9–]+)</td>.*?/indicators/\w+/(H15[.0-9]+)', level, re.DOTALL)

    for ident, up in ((NATIONAL, True), ("thoi_gian_trung_binh", False)):
        known = {unit: value(trouble, ident, unit) for unit, *_ in dossiers.COMMUNES}
        order = sorted(known, key=lambda unit: known[unit].value, reverse=up)
        found = lines(f"/indicators/{ident}?period=2025-08")
        assert {unit for _, unit in found[:3]} == set(order)
        assert [known[unit].value for _, unit in found[:3]] == [known[unit].value for unit in order]
        assert (found[0][0], found[3][0]) == ("1", "–")
        assert len(found) == 102
        by_size = lines(f"/indicators/{ident}?period=2025-08&sort=denominator")
        assert [unit for _, unit in by_size[:3]] == sorted(known, key=lambda unit: known[unit].denominator)


def test_a_figure_leads_to_its_dossiers_by_codes_and_times_and_to_no_person(console, trouble):
    found = value(trouble, NATIONAL, EA_SUP)
    seen = {}
    for part in ("rest", "numerator"):
        text = console.get(f"/indicators/{NATIONAL}/{EA_SUP}?period=2025-08&part={part}").text
        seen[part] = set(re.findall(r"<code>(H15[^<]+)</code>", text))
        assert PERSON not in text
        assert OFFICER not in text
    assert not seen["rest"] & seen["numerator"]
    assert len(seen["numerator"]) == found.numerator
    assert len(seen["rest"]) == found.denominator - found.numerator > 0
    own = rows_of(trouble.warehouse, "SELECT ma_ho_so FROM core.ho_so WHERE ma_don_vi = %s", EA_SUP)
    assert seen["rest"] | seen["numerator"] <= {code for (code,) in own}


def test_rates_of_a_few_have_no_place_in_a_ranking_and_say_so_in_pages_and_files(console, trouble):
    """On the days of the world some units received fewer than ten dossiers, and one of those may be 100 %."""
    path = f"/indicators/{NATIONAL}"
    few, many = set(), set()
    for unit, *_ in dossiers.COMMUNES:
        found = value(trouble, NATIONAL, unit, date(2025, 8, 12), "day")
        if found:
            (few if found.denominator < FEW else many).add(unit)
    assert few
    text = console.get(f"{path}?period=2025-08-12").text
    assert text.count("ít hồ sơ</span>") >= len(few)
    rows = list(csv.reader(io.StringIO(console.get(f"{path}.csv?period=2025-08-12").content.decode("utf-8-sig"))))
    for row in rows:
        if len(row) == 8 and row[1] in few:
            assert (row[0], row[7]) == ("", "Ít: mẫu số dưới 10, không xếp hạng")
        if len(row) == 8 and row[1] in many:
            assert row[0] != ""
            assert row[7] == ""


def test_what_is_worked_out_once_is_kept_until_the_marts_are_others_and_never_more_than_so_many():
    now, made = [0.0], []
    kept = Kept(most=2, clock=lambda: now[0])

    def asked(key, marts, around="a"):
        return kept.get(key, State(marts, around), lambda: made.append(key) or len(made))

    assert [asked("x", "1"), asked("x", "1")] == [1, 1]
    assert asked("x", "2") == 2, "a refresh is seen at once"
    assert asked("x", "2", "b") == 2, "receipts come all day"
    now[0] = 61
    assert asked("x", "2", "b") == 3, "and are seen after a minute"
    asked("y", "2")
    asked("z", "2")
    assert asked("x", "2", "b") == 6
    with pytest.raises(ZeroDivisionError):
        kept.get("bad", State("2", ""), lambda: 1 // 0)
    assert kept.get("bad", State("2", ""), lambda: "good") == "good", "what failed is not kept"


def test_who_asks_for_what_is_being_made_waits_for_it():
    kept, state, made, begun = Kept(), State("1", ""), [], threading.Event()

    def make():
        begun.set()
        made.append(1)
        time.sleep(0.1)
        return object()

    with ThreadPoolExecutor(5) as pool:
        first = pool.submit(kept.get, "x", state, make)
        assert begun.wait(5)
        others = [pool.submit(kept.get, "x", state, make) for _ in range(4)]
        assert len({id(one.result(5)) for one in (first, *others)}) == 1
    assert made == [1]


def test_a_rate_far_off_does_not_press_the_others_together_and_is_an_arrow():
    usual = [0.90 + 0.005 * n for n in range(12)]
    assert figures.usual([*usual, -3.0]) == usual
    assert figures.usual([0.1, 0.9]) == [0.1, 0.9], "of two nobody is usual"
    axis = charts.scale(usual, zero=False, top=1.0)
    assert "<polygon" in charts.bar(-3.0, axis)
    assert "<polygon" not in charts.bar(0.93, axis)


def test_a_restated_dossier_changes_what_is_known_today_and_not_what_was_known_before(province, contracts):
    dossiers.catalogues(province)
    stand(province, datetime(2025, 8, 10, 8))
    begun, ended = datetime(2025, 7, 7, 8), datetime(2025, 7, 9, 9)
    header = dossiers.dossier("H15.102-1", begun, datetime(2025, 7, 9, 17), "9", ended)
    steps = [dossiers.step("H15.102-1", begun, "2"), dossiers.step("H15.102-1", ended, "9")]
    dossiers.write(province, ho_so=[header], tien_trinh=steps, promoted=[date(2025, 7, 12)])
    refresh(province, "H15")
    stand(province, datetime(2025, 8, 12, 8))
    dossiers.write(province, ho_so=[{**header, "ngay_ket_thuc_xu_ly": datetime(2025, 7, 10, 9)}])
    refresh(province, "H15")
    with serving(province) as running:
        path = f"/indicators/{LOCAL}/H15.102?period=2025-07"
        assert "0,00%" in words(running, path)
        assert "100,00%" in words(running, f"{path}&asof=2025-08-10")
        assert "chưa có số liệu" in words(running, f"{path}&asof=2025-08-09")
        files = [running.get(f"/indicators/{LOCAL}.csv?period=2025-07&asof=2025-08-{day}").text for day in (10, 12)]
        assert ["H15.102,Phường Tân Lập,2025-07,100" in text for text in files] == [True, False]
        assert running.get(f"{path}&asof=2025-08-13").status_code == 400, "that day is not over"


def stand(warehouse, moment):
    with warehouse.session() as session:
        session.execute(
            "INSERT INTO ops.clock (stands_at) VALUES (%s::timestamp AT TIME ZONE 'Asia/Ho_Chi_Minh')"
            " ON CONFLICT (only_row) DO UPDATE SET stands_at = excluded.stands_at",
            [moment],
        )


def test_what_is_downloaded_says_what_the_page_says_and_nothing_in_it_acts(console, trouble):
    given = console.get(f"/indicators/{NATIONAL}.csv?period=2025-08")
    assert given.content.startswith(b"\xef\xbb\xbf")
    assert given.headers["Content-Disposition"] == f'attachment; filename="{NATIONAL}-2025-08.csv"'
    lines = {row[1]: row for row in csv.reader(io.StringIO(given.content.decode("utf-8-sig"))) if len(row) == 8}
    book = workbook(console.get(f"/indicators/{NATIONAL}.xlsx?period=2025-08").content)
    sheet = {row[1].value: row for row in book.iter_rows()}
    assert len(lines) == len(sheet) == 1 + 3 + len(trouble.units)
    for unit in ("H15", "H15-SO", EA_SUP):
        found = value(trouble, NATIONAL, unit)
        assert Decimal(lines[unit][4]) == round(found.value * 100, 4)
        assert (int(lines[unit][5]), int(lines[unit][6])) == (found.numerator, found.denominator)
        assert sheet[unit][4].value == pytest.approx(float(found.value) * 100, abs=1e-4)
    assert lines[EA_BUNG][4:] == ["", "", "", ""], "what is not known is not 0"
    assert sheet[EA_BUNG][4].value is None
    assert sheet[EA_BUNG][2].data_type == "s"
    assert HOSTILE[:8] in lines[EA_BUNG][2]
    assert "hồ sơ tiếp nhận trong kỳ" in given.content.decode("utf-8"), "it says its denominator"
    assert "Mẫu số,hồ sơ" in given.content.decode("utf-8")
    english = console.get(f"/indicators/{NATIONAL}.csv?period=2025-08&lang=en").content.decode("utf-8")
    assert "Denominator,hồ sơ" in english, "the names of things are declared in Vietnamese, the rest is English"
    assert "Mẫu số" not in english


@pytest.mark.parametrize("name", ["=1+1", "+84", "-2", "@x", "\t=1", "\n=1", "\u200b=1", " =HYPERLINK(1)"])
def test_no_cell_of_a_file_is_a_formula(name):
    text = export.as_csv([], [[name]]).decode("utf-8-sig")
    assert next(csv.reader([text]))[0].startswith("'")
    cell = workbook(export.as_xlsx([], [[name]], "vi"))["A1"]
    assert cell.data_type == "s"
    assert cell.quotePrefix, "it stays a text when somebody edits the cell"
    assert not cell.value.startswith("'"), "and nobody sees a mark that a typed cell does not need"


def test_a_question_without_a_meaning_is_answered_in_words_and_never_by_another_period(console):
    for query in ("period=2025-13", "period=25", "period=2025-Q5", "period=2025-02-30", "kind=week", "asof=x",
                  "period=2025-08&kind=year", "asof=2025-02-30", "asof=2030-01-01", "period=%00"):  # fmt: skip
        for path in ("/indicators", f"/indicators/{NATIONAL}", f"/indicators/{NATIONAL}.csv", "/index766"):
            answer = console.get(f"{path}?{query}")
            assert answer.status_code == 400, (path, query)
            assert '<html lang="vi"' in answer.text
    for path in (f"/indicators/{NATIONAL}/{EA_SUP}?part=x", f"/indicators/{NATIONAL}/{EA_SUP}?leaf=-1",
                 f"/indicators/{NATIONAL}/{EA_SUP}?leaf=%D9%A1", "/on-time?reason=x", "/index766?period=2025-08-01",
                 "/index766?period=2031-01"):  # fmt: skip
        assert console.get(path).status_code == 400, path
    for path in ("/indicators/none", "/indicators/none.csv", f"/indicators/{NATIONAL}/none", "/on-time/none",
                 "/index766/none", "/units/none/offices"):  # fmt: skip
        assert console.get(path).status_code == 404, path
    assert "chưa có số liệu" in words(console, "/indicators?period=2024-01")


def test_before_anything_was_computed_the_pages_say_so(province):
    with serving(province) as running:
        for path in ("/indicators", "/on-time", "/index766", f"/indicators/{NATIONAL}.xlsx"):
            answer = running.get(path)
            assert answer.status_code == 404
            assert "chưa được tính lần nào" in answer.text


def test_offices_are_shown_and_officers_only_by_pseudonym_in_groups_of_ten(console, trouble):
    text = console.get(f"/units/{EA_SUP}/offices?period=2025-08").text
    with trouble.warehouse.session() as session:
        rooms = reading.offices(session, EA_SUP, AUGUST)
        officers = reading.officers(session, EA_SUP, AUGUST)
    assert rooms
    for row in rooms:
        assert (row["office"] or "Các phòng khác (gộp)") in text
    assert text.count('<tr class="sub">') == len(officers)
    assert all(row["resolved"] >= 10 for row in officers)
    assert OFFICER not in text


def test_an_axis_holds_its_values_and_counts_in_even_steps():
    for values, zero, top in (([0.9812, 0.9931], False, 1.0), ([3, 17, 41], True, None), ([0.0], True, 1.0),
                              ([1.0], False, 1.0), ([-0.4, 0.3], True, 1.0), ([5, 5], False, None)):  # fmt: skip
        axis = charts.scale(values, zero=zero, top=top)
        assert axis.low <= min(values)
        assert max(values) <= axis.high + 1e-9
        assert top is None or axis.high <= top + 1e-9
        assert not zero or axis.low <= 0
        assert 2 <= len(axis.ticks) <= 13
        assert axis.ticks[-1] == pytest.approx(axis.high)


def test_a_line_breaks_where_periods_are_missing_and_says_in_words_what_it_shows():
    values = [1.0, None, 2.0, 3.0, None, None, 4.0, 5.0]
    points = [charts.Point(f"{n:02d}", f"kỳ {n}", value) for n, value in enumerate(values)]
    drawn = charts.line("x", "<Tên>", "mô tả", [charts.Series("A & B", points)], str, str, bridge=1)
    assert drawn.count("<polyline") == 2
    assert drawn.count("<circle") == 5
    assert '<title id="x-t">&lt;Tên&gt;</title><desc id="x-d">mô tả</desc>' in drawn
    assert "A &amp; B 5.0" in drawn
    assert "style=" not in drawn


def test_bars_begin_at_nothing_and_shares_that_are_all_high_are_dots():
    low = charts.bar(30, charts.scale([10, 40], zero=True))
    high = charts.bar(0.985, charts.scale([0.98, 0.99], zero=False, top=1.0))
    assert "<rect" in low
    assert "<circle" in high
    assert "<rect" not in high
    assert charts.bar(None, charts.scale([1], zero=True)) == ""
