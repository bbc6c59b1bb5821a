"""The pages say which units are behind and why, in two languages, and nothing in them acts."""

import re
from collections import Counter
from urllib.parse import urljoin

import pytest

from lienthong.console.wire import POLICY

from ..sql.alert_stories import EA_BUNG, EA_SUP, Story
from ..sql.builders import day, rows_of
from .world import BLOCKED, DOSSIER, DRIFTED, HOSTILE, OFFICER, PERSON, Page, problem, serving

PAGES = ["/", f"/units/{EA_SUP}", f"/units/{EA_BUNG}", "/datasets/ho_so", "/datasets/doanh_nghiep", "/problems",
         "/problems?all=1", f"/problems?kind=rows&unit={EA_SUP}",
         "/indicators", "/indicators?period=2025-Q3&asof=2025-09-04", "/indicators/dung_han_quoc_gia",
         "/indicators/thoi_gian_trung_binh?sort=-value", f"/indicators/dung_han_dia_phuong/{EA_SUP}?part=numerator",
         f"/indicators/ho_so_tiep_nhan/{EA_BUNG}", "/on-time?period=2025-08&reason=received_before",
         f"/on-time/{EA_SUP}", f"/units/{EA_SUP}/offices?period=2025-08", "/index766?period=2025-08",
         f"/index766/{EA_SUP}?period=2025-08",
         "/alerts", f"/alerts?unit={EA_SUP}&kind=digest", "/alerts?unit=tinh&state=dead", "/reconciliation",
         "/reconciliation/national_portal", "/reconciliation/national_portal?dataset=ho_so&kind=missing&closed=1",
         "/reconciliation/public_app", "/datasets/ho_so/rules/ma_tthc_ton_tai", "/datasets/doanh_nghiep/rules/{rule}",
         "/quarantine", f"/quarantine?dataset=ho_so&unit={EA_SUP}&state=all", "/endpoints", f"/endpoints?key={DOSSIER}",
         "/endpoints/national_portal", "/backfills", "/backfills/1", "/backfills/new", "/activity",
         f"/backfills/new?dataset=ho_so&first=2025-09-03&last=2025-09-04&unit={EA_SUP}&reprocess=1"]  # fmt: skip


@pytest.fixture(scope="module")
def every(trouble):
    """The addresses of all pages, with each problem's."""
    rule = trouble.contracts["doanh_nghiep"].rules[0].id
    return (
        [path.replace("{rule}", rule) for path in PAGES]
        + [f"/problems/{n}" for (n,) in rows_of(trouble.warehouse, "SELECT problem_id FROM ops.problems ORDER BY 1")]
        + [
            f"/quarantine/{n}"
            for (n,) in rows_of(
                trouble.warehouse, "SELECT transition_id FROM quarantine.transitions ORDER BY 1 DESC LIMIT 3"
            )
        ]
    )


def number(trouble, kind, source):
    return rows_of(
        trouble.warehouse, "SELECT problem_id FROM ops.problems WHERE kind = %s AND source = %s", kind, source
    )[0][0]


def test_hostile_content_stays_inert_on_every_page_in_both_languages(console, every):
    for path in every:
        for language in ("", "lang=en"):
            # an operator, who is shown every form
            answer = console.get(path + (("&" if "?" in path else "?") + language if language else ""), who="operator")
            assert answer.status_code == 200, (path, answer.text)
            page = Page(answer.text)
            assert not {"script", "img", "iframe", "object", "style", "base"} & set(page.tags), path
            assert not [name for name in page.attributes if name.startswith("on") or name == "style"], path
            assert "\u202e" not in answer.text, path
            assert PERSON not in answer.text, f"{path} shows a value of a row"
            assert OFFICER not in answer.text, f"{path} names an officer"
            assert '<html lang="en"' in answer.text if language else '<html lang="vi"' in answer.text
            assert len(page.ids) == len(set(page.ids)), path
            for address in page.links:
                assert re.match(r"/|#|http://127\.0\.0\.1:8026/docs/|data:,$", address), (path, address)
    assert HOSTILE[:8] in Page(console.get(f"/units/{EA_BUNG}").text).text, "the name is shown, as a name"


def test_every_answer_has_the_headers_under_which_nothing_acts_or_is_kept(console, every):
    answers = [console.get(path) for path in [*every, "/nothing", "/units/none"]]
    answers += [console.get("/", who=None), console.get("/", who="other"), console.get("/", method="POST")]
    for answer in answers:
        assert answer.headers["Content-Security-Policy"] == POLICY
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Referrer-Policy"] == "same-origin"
    assert "unsafe" not in POLICY
    assert "default-src 'none'" in POLICY


def test_every_link_leads_to_a_page_and_keeps_the_language(console):
    seen, todo, shapes = set(), ["/lienthong/", "/lienthong/?lang=en"], Counter()
    while todo:
        address = todo.pop()
        # of pages that differ only in a unit, a number or a choice a few are enough
        shape = re.sub(r"H15[^/?&]*|[0-9]+|=[^&]*", "*", address)
        if address in seen or shapes[shape] == 3:
            continue
        seen.add(address)
        shapes[shape] += 1
        answer = console.get(address.removeprefix("/lienthong"))
        assert answer.status_code == 200, address
        if not answer.headers["Content-Type"].startswith("text/html") or len(seen) > 250:
            continue
        links = [link for link in Page(answer.text).links if link.startswith(("/lienthong/", "?"))]
        todo += [urljoin(address, link).partition("#")[0] for link in links]
        if "lang=en" in address:
            # the other language, the style sheet, and the form, which has a field for it
            assert len({link for link in links if "lang=en" not in link}) <= 3, address
    assert len(seen) > 50


def test_a_page_that_does_not_exist_says_so_in_words(console):
    for path in ("/nothing", "/units/H15.999", "/units/<script>", "/datasets/none", "/problems/0",
                 f"/problems/{10**30}", "/problems/x", "/quarantine/0", f"/quarantine/{10**30}", "/endpoints/none",
                 "/reconciliation/none", "/datasets/ho_so/rules/none", "/datasets/none/rules/x", "/quarantine/1/values",
                 "/backfills/99", f"/backfills/{10**30}", "/units/a%00b", "/problems/12/more"):  # fmt: skip
        answer = console.get(path)
        assert answer.status_code == 404, path
        assert "Không có" in answer.text
        assert "script" not in Page(answer.text).tags
    assert "There is no such dataset" in console.get("/datasets/none?lang=en").text
    assert console.get("/problems", method="POST").status_code == 405
    assert console.get("/problems?kind=%00&dataset=x'--&unit=%F0%9F").status_code == 200, "such filters mean nothing"
    assert console.get("/quarantine?rule=%00&page=-1&key=%00'&state=x").status_code == 200
    assert console.get("/activity?page=999999&by=%00").status_code == 200
    assert console.get("/alerts?unit=%00&first=2025-13-01&last=x&page=99999&state=x'&kind=%F0").status_code == 200
    assert console.get(f"/reconciliation/national_portal?after={10**40}&kind=x&dataset=%00").status_code == 200
    assert "Hãy ghi ngày đầu" in console.get("/backfills/new?dataset=ho_so&first=x&last=2025-13-01").text
    assert console.get("/", method="HEAD").status_code == 200


def test_the_overview_says_who_is_behind_and_why_the_most_pressing_first(console):
    text = " ".join(Page(console.get("/").text).text.split())
    first = text.index("Cần xử lý trước")
    units = text.index("Đơn vị và dữ liệu của đơn vị")
    assert first < text.index("toàn hệ thống") < text.index("dữ liệu của kỳ chưa được tiếp nhận", first)
    assert text.index("dữ liệu của kỳ chưa được tiếp nhận", first) < text.index("12 bản ghi", first) < units
    assert text.index(BLOCKED, units) < text.index(DRIFTED, units) < text.index(EA_BUNG, units)
    assert text.index(EA_BUNG, units) < text.index(EA_SUP, units) < text.index("đơn vị đạt")
    assert "■ bị chặn" in text
    assert "✕ không đọc được đủ đến 03/09/2025" in text, text
    assert "! có bản ghi giữ lại" in text
    assert "99,5%" in text, "validity 99%, timeliness 100%"
    english = " ".join(Page(console.get("/?lang=en").text).text.split())
    assert "✕ cannot be read whole up to 3 Sep 2025" in english
    assert "Which units are behind, and why" in english


def test_a_unit_that_missed_a_promised_window_is_behind_without_any_problem(province, contracts):
    story = Story(province, contracts).at(5, 9)
    for unit in (EA_SUP, EA_BUNG):
        story.source(unit, day(2))
    with province.session() as session:
        session.execute(
            "INSERT INTO ops.watermarks (dataset, source, window_end) VALUES ('ho_so', %s, %s), ('ho_so', %s, %s)",
            [EA_SUP, day(2).end, EA_BUNG, day(3).end],
        )
    with serving(province) as running:
        page = running.get("/").text

        def line(unit):
            return re.search(rf"{unit}</span></th>(.*?)</td>", page, re.DOTALL)[1]

        assert "chậm" in line(EA_SUP)
        assert "thiếu 1 kỳ" in line(EA_SUP)
        assert "đạt" in line(EA_BUNG)


def test_a_unit_shows_its_windows_held_rows_by_rule_and_scorecard(console, trouble):
    text = " ".join(Page(console.get(f"/units/{EA_SUP}").text).text.split())
    sentence = next(rule.sentence for rule in trouble.contracts["ho_so"].rules if rule.id == "ma_tthc_ton_tai")
    assert f"12 {sentence}" in text
    assert "Hợp lệ 99%" in text
    assert "04/09/2025 đã nhận" in text
    down = Page(console.get(f"/units/{EA_BUNG}").text).text
    assert "nguồn không trả lời" in down


def test_a_dataset_is_its_contract_its_runs_and_ways_on(console, trouble):
    answer = console.get("/datasets/ho_so")
    page, contract = Page(answer.text), trouble.contracts["ho_so"]
    text = " ".join(page.text.split())
    for column in contract.columns:
        assert column.title in text
    for rule in contract.rules:
        assert " ".join(rule.sentence.split()) in text, rule.id
    assert "hằng ngày lúc 00:00" in text
    assert "/dags/ingest.ho_so" in page.links
    assert "/dags/publish.national_portal" in page.links


def test_a_run_leads_to_its_results_where_they_are_kept(province, contracts, tmp_path):
    with province.session() as session:
        session.execute(
            "INSERT INTO ops.runs (dataset, window_start, window_end, judged_at) VALUES"
            " ('ho_so', '2025-09-04T00:00+07', '2025-09-05T00:00+07', now()),"
            " ('ho_so', '2025-09-03T00:00+07', '2025-09-04T00:00+07', now())"
        )
    kept = tmp_path / "data_docs" / "2025-09-04"
    kept.mkdir(parents=True)
    (kept / "ho_so.html").write_text("x")
    with serving(province, var=str(tmp_path), docs_url="https://docs.example") as running:
        links = Page(running.get("/datasets/ho_so").text).links
    assert "https://docs.example/2025-09-04/ho_so.html" in links
    assert "https://docs.example/2025-09-03/ho_so.html" not in links, "that set is gone"


def test_a_problem_tells_rules_keys_letters_and_pledge(console, trouble):
    text = " ".join(Page(console.get(f"/problems/{number(trouble, 'rows', EA_SUP)}").text).text.split())
    assert f"{EA_SUP}-250905-0010" in text
    assert f"{EA_SUP}-250905-0011" not in text, "ten keys"
    assert "và 2 bản ghi khác" in text
    drift = " ".join(Page(console.get(f"/problems/{number(trouble, 'schema_drift', DRIFTED)}").text).text.split())
    assert "Thiếu cột" in drift
    assert "Thay đổi hợp đồng được đề xuất" in drift
    conflict = console.get(f"/problems/{number(trouble, 'conflict', 'csdl_doanh_nghiep_dia_phuong')}").text
    assert "csdl_doanh_nghiep_dia_phuong" in conflict
    assert "Người đại diện" in conflict, "the title of the column that differs"
    ended = console.get(f"/problems/{number(trouble, 'ended_code', 'csdl_dia_chi_so_nha')}").text
    assert "24133" in ended
    assert "thay bằng mã 24169" in ended
    assert "SN-000001" in ended


def test_letters_are_listed_by_reader_without_mailboxes(console, trouble):
    pages = {
        kind: " ".join(Page(console.get(f"/problems/{n}").text).text.split())
        for n, kind in rows_of(trouble.warehouse, "SELECT p.problem_id, l.role FROM ops.letter_problems p"
                               " JOIN ops.letters l USING (letter_id)")
    }  # fmt: skip
    assert pages, "the story writes letters"
    for text in pages.values():
        assert "@" not in text
    assert "không gửi được" in " ".join(pages.values())


def test_the_alerts_say_what_left_what_did_not_and_whom_nobody_can_tell(console, trouble):
    text = " ".join(Page(console.get("/alerts").text).text.split())
    assert "@" not in text, "no mailbox"
    assert re.search(r"✕ 1 550 …", text), "the mail server's words, without the mailbox in them"
    units = len(trouble.units)
    assert f"Đơn vị có địa chỉ liên hệ 1 / {units}" in text
    assert f"Đơn vị chưa có địa chỉ liên hệ ({units - 1})" in text
    missing = text[text.index("Đơn vị chưa có địa chỉ liên hệ (") :]
    assert missing.index(BLOCKED) < missing.index("H15.102"), "units with open problems first"
    assert "Đã có người nhận xử lý" in text
    sent = console.get(f"/alerts?unit={EA_SUP}").text
    mine = rows_of(trouble.warehouse, "SELECT count(*) FROM ops.letters WHERE unit = %s", EA_SUP)[0][0]
    assert mine
    assert f"{mine} thư, mới nhất trước" in sent
    assert "Không có thư nào như vậy" in console.get("/alerts?first=2030-01-01").text


def test_what_nobody_was_told_of_says_why(province, contracts):
    from ..sql.alert_stories import DOWN, Story
    from ..sql.builders import day

    story = Story(province, contracts).at(5, 21)  # a Friday night
    story.contact(EA_SUP)
    with serving(province) as running:

        def why(unit):
            text = " ".join(Page(running.get("/alerts").text).text.split())
            return re.search(rf"{re.escape(story.units[unit])} từ [^·]* · ([^,]+?)(?:,| \d\d:| #|$)", text)[1]

        story.source(EA_SUP, day(4), DOWN)
        assert why(EA_SUP).startswith("chờ xem có tự hết không")
        story.at(6, 21)
        assert why(EA_SUP).startswith("ngoài giờ làm việc")
        story.at(8, 10)
        assert why(EA_SUP).startswith("được viết trong lượt tới")
        story.source(EA_BUNG, day(4), DOWN)
        story.at(8, 16)
        assert "chưa biết báo cho ai" not in Page(running.get("/alerts").text).text, "its dataset has a support"


def test_reconciliation_shows_nothing_green_that_is_known_by_receipts_only(console):
    page = console.get("/reconciliation").text
    text = " ".join(Page(page).text.split())
    assert "≠ có sai lệch 1 nơi nhận không còn giữ 1 nơi nhận giữ bản khác 1 nơi nhận giữ mà ta chưa gửi" in text
    steps = text[text.index("Tiến trình", text.index("Cổng Dịch vụ công quốc gia")) :]
    assert "? chỉ biết qua biên nhận 60 58" in steps, steps[:300]
    assert "vòng này đã qua 0 / 30 lượt" in text, "how far the round is where it is not whole yet"
    assert "✓ khớp" not in text, "nobody's own list was seen whole"
    assert "○ chưa đối soát" in text
    assert "3 bên kia có nội dung mà ta chưa từng có" in text, "the other holder"
    assert "/lienthong/index766/H15" in Page(page).links, "the published figures"
    one = Page(console.get("/reconciliation/national_portal").text)
    assert f"/lienthong/endpoints?key={DOSSIER}" in one.links
    assert "Trích yếu" in one.text, "a field by its title"
    assert "holds 2 of 40" in one.text
    filtered = Page(console.get("/reconciliation/national_portal?kind=orphan").text).text
    assert DOSSIER not in filtered
    assert "250903-0009" in filtered


def test_a_rule_and_a_unit_have_a_history(console):
    rule = " ".join(Page(console.get("/datasets/ho_so/rules/ma_tthc_ton_tai").text).text.split())
    assert re.search(r"vi phạm ở \d+/\d+ kỳ, nhiều nhất [\d.]+ ngày", rule), rule[:400]
    assert EA_BUNG in rule
    assert "/datasets/ho_so/rules/ma_tthc_ton_tai" in console.get("/datasets/ho_so").text
    unit = console.get(f"/units/{EA_SUP}").text
    assert "Thư đã gửi đơn vị" in unit
    assert f"/lienthong/alerts?unit={EA_SUP}#thu" in Page(unit).links
    assert "chưa có địa chỉ liên hệ" in console.get(f"/units/{EA_BUNG}").text


def test_a_run_of_the_ledger_leads_to_airflows_run_and_its_logs(province):
    with province.session() as session:
        session.execute(
            "INSERT INTO ops.runs (dataset, window_start, window_end, dag_id, dag_run_id) VALUES"
            " ('ho_so', '2025-09-04T00:00+07', '2025-09-05T00:00+07', 'ingest.ho_so', 'scheduled__x+07:00'),"
            " ('ho_so', '2025-09-03T00:00+07', '2025-09-04T00:00+07', NULL, NULL)"
        )
    with serving(province) as running:
        links = Page(running.get("/datasets/ho_so").text).links
        framed = Page(running.get("/datasets/ho_so", headers=FRAMED).text).links
    assert "/dags/ingest.ho_so/runs/scheduled__x%2B07%3A00" in links
    assert "/dags/ingest.ho_so/runs/scheduled__x%2B07%3A00/tasks/judge" in links
    assert "/lienthong/airflow/dags/ingest.ho_so/runs/scheduled__x%2B07%3A00" in framed
    assert not [link for link in framed if link == "/" or link.startswith("/dags")]
    assert [link for link in links if link.startswith("/dags/ingest.ho_so/runs?logical_date_gte=2025-09-0")]


FRAMED = {"Sec-Fetch-Dest": "iframe"}


def test_no_page_in_a_tab_of_airflow_leads_to_airflow(console, every):
    out = re.compile(r"/$|/dags/")
    assert [link for link in Page(console.get("/backfills").text).links if out.match(link)] == ["/", "/dags/backfills"]
    for path in every:
        page = Page(console.get(path, headers=FRAMED).text)
        assert not [link for link in page.links if out.match(link)], path
    tab = console.get("/airflow/dags/backfills", headers=FRAMED)
    assert "/lienthong/backfills" in Page(tab.text).links


def test_pages_say_what_a_day_is_expected_to_bring_and_how_it_ended(province, contracts):
    story = Story(province, contracts).at(5, 9)
    for number, rows in ((2, 40), (3, 12), (4, 40)):
        story.source(EA_SUP, day(number))
        with province.session() as session:
            newest = "(SELECT max(run_id) FROM ops.runs)"
            session.execute(f"UPDATE ops.batches SET rows = %s WHERE run_id = {newest}", [rows])
    with province.session() as session:
        session.execute(
            "INSERT INTO ops.runs (dataset, window_start, window_end) SELECT unnest(%s::text[]), %s, %s",
            [list(contracts["ho_so"].waits_for), day(4).start, day(4).end],
        )
        session.execute(
            "UPDATE ops.runs SET closed_at = opened_at + interval '1 minute', partial = false, state = 'promoted',"
            " extracted = 0, inserted = 0, updated = 0, unchanged = 0, superseded = 0, quarantined = 0"
        )
        session.execute(
            "INSERT INTO ops.watermarks (dataset, source, window_end) VALUES ('ho_so', %s, %s)", [EA_SUP, day(4).end]
        )
        session.execute(
            "INSERT INTO ops.backfills (datasets, units, first_day, last_day, state, asked_by, ended_at) VALUES"
            " ('{don_vi}', '{}', '2025-08-01', '2025-08-15', 'done', 'op', now())"
        )
        session.execute(
            "INSERT INTO ops.backfill_parts (backfill_id, number, dataset, first_day, last_day, state, begun_at,"
            " ended_at) VALUES (1, 1, 'don_vi', '2025-08-15', '2025-08-15', 'done', now(), now())"
        )
    problem(province, "source_down", "ho_so", EA_SUP, reason="máy chủ không trả lời (OperationalError).")
    problem(province, "unreconciled", "ho_so", "national_portal", count=2, rules={"doi_soat_missing": 2})
    with serving(province) as running:

        def said(path):
            return " ".join(Page(running.get(path).text).text.split())

        new = f"/backfills/new?dataset=ho_so&unit={EA_SUP}&reprocess=1&first=2025-09-{{}}&last=2025-09-{{}}"
        for first, last, rows in (("03", "03", 12), ("03", "04", 52), ("01", "01", 40)):
            table = said(new.format(first, last)).partition("Sẽ chạy gì")[2].partition("Ước lượng")[0]
            assert f" {rows} 1 phút" in table, (first, last, table)
        for path in ("/backfills", "/backfills/1"):
            assert "! đã kết thúc, 1 ngày chưa đạt" in said(path)
            assert 'class="tag good"' not in running.get(path).text
        once = "nguồn đưa toàn bộ danh sách mỗi lần, nên chỉ đọc một lần, cho ngày 15/08/2025"
        assert once in said("/backfills/1")
        assert once in said("/backfills/new?dataset=don_vi&first=2025-08-01&last=2025-08-15")
        unit = said(f"/units/{EA_SUP}")
        assert "đủ đến 04/09/2025" in unit
        assert "«không đọc được» là của riêng ngày 04/09/2025" in unit
        down, lost = (said(f"/problems/{number}") for number in (1, 2))
        assert "máy chủ không trả lời. OperationalError" in down
        assert "Cổng Dịch vụ công quốc gia" in lost
        assert "national_portal" not in lost
        listed = Page(running.get("/problems?lang=en").text)
        assert "National Public Service Portal" in listed.text
        assert "/lienthong/units/national_portal?lang=en" not in listed.links, "it is no unit"


def test_a_rules_sentence_is_shown_to_its_last_word(province, contracts):
    contract = max(contracts.values(), key=lambda one: max(len(rule.sentence) for rule in one.rules))
    rule = max(contract.rules, key=lambda one: len(one.sentence))
    assert len(rule.sentence) > 300, "longer than what was shown of it once"
    story = Story(province, contracts).at(5, 9)
    story.hold(EA_SUP, "H15.131-250905-0001", dataset=contract.dataset, rules=(rule.id,))
    with serving(province) as running:
        for path in ("/quarantine", "/quarantine/1", f"/datasets/{contract.dataset}/rules/{rule.id}"):
            assert rule.sentence in " ".join(Page(running.get(path).text).text.split()), path


def test_what_the_console_reads_with_cannot_write(trouble):
    from lienthong.console.desk import Desk
    from lienthong.errors import LienThongError
    from lienthong.settings import Settings

    desk = Desk(Settings.from_env({}), lambda _: trouble.warehouse.connection)
    with pytest.raises(LienThongError), desk.look() as look:
        look.session.execute("UPDATE ops.problems SET count = 0")
    desk.pool.close()


def test_a_warehouse_that_is_away_is_told_in_words(trouble):
    from dataclasses import replace

    from lienthong.warehouse import Warehouse

    away = Warehouse(replace(trouble.warehouse.connection, schema="khong_co"), trouble.warehouse.home)
    with serving(away) as running:
        answer = running.get("/")
    assert answer.status_code == 503
    assert "Chưa đọc được kho dữ liệu" in answer.text
    assert answer.headers["Content-Security-Policy"] == POLICY


def test_every_colour_of_words_stands_out_from_what_is_behind_it():
    from lienthong.console.render import css

    colours = dict(re.findall(r"--([a-z-]+): #([0-9a-f]{6})", css().decode()))

    def light(name):
        parts = [int(colours[name][at : at + 2], 16) / 255 for at in (0, 2, 4)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    tones = [(name, f"{name}-soft") for name in ("bad", "hold", "warn", "good", "off")]
    texts = [(ink, ground) for ink in ("ink", "soft", "brand") for ground in ("card", "page", "head")]
    for ink, ground in [*tones, *texts, ("card", "brand")]:
        high, low = sorted((light(ink), light(ground)), reverse=True)
        assert (high + 0.05) / (low + 0.05) >= 4.5, (ink, ground)
