"""The pages of validation results: complete in themselves, inert, kept for a time; and no value of a row in them."""

import dataclasses
import re
import unicodedata
from datetime import date
from html.parser import HTMLParser

import pytest

from lienthong import quality
from lienthong.quality import docs
from lienthong.warehouse.migrations import migrate
from lienthong.warehouse.promote import promote

from .builders import CHA, at, day, land, rows_of, rule

HOSTILE = '<img src="http://evil.example/x.png" onerror=alert(1)>\u202eđảo ngược\u200b</td></table>'
CONTRACT = dataclasses.replace(
    CHA,
    title="Hồ sơ " + HOSTILE,
    owner=HOSTILE,
    rules=(
        *CHA.rules[:3],
        dataclasses.replace(rule("gia_tri_nho", "between", "gia_tri", min=0, max=100), sentence=HOSTILE + " Sửa lại."),
        rule("ma_dang", "matches", "ma", pattern='^(?!<script>alert\\("x"\\)</script>).*$'),
    ),
)
SECRET = "Nguyễn Thị Bí Mật"


def page_of(number):
    """Where the page of a dataset lies: letters and the console link to it."""
    return f"{day(number).day}/cha.html"


@pytest.fixture
def wh(warehouse):
    migrate(warehouse, [CONTRACT])
    return warehouse


def run(warehouse, number, sources):
    plan = land(warehouse, CONTRACT, day(number), sources)
    quality.judge(warehouse, CONTRACT, day(number), plan.run_id)
    promote(warehouse, CONTRACT, day(number), plan.run_id)


def contracts():
    return {CONTRACT.dataset: CONTRACT}


class Reader(HTMLParser):
    """Tags with their attributes, and the text that a reader sees."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.words, self.open = [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, "tags do not match"

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self):
        return re.sub(r"\s+", " ", " ".join(self.words))


def listed(folder):
    return sorted(path.name for path in folder.iterdir())


def every_page(folder):
    return {str(path.relative_to(folder)): path.read_text(encoding="utf-8") for path in folder.rglob("*.html")}


def test_a_page_tells_each_rule_and_source_of_every_run(wh, tmp_path):
    good = [(f"A{n}", "2", at(1)) for n in range(5)]
    run(wh, 1, {"H15.1": [*good, ("B", "900", at(1)), ("C", "901", at(1))], "H15.2": None})
    run(wh, 1, {"H15.1": None, "H15.2": [("D", "902", at(1)), ("E", "4", at(1))]})
    docs.build(wh, contracts(), tmp_path, day(1).day)
    page = Reader((tmp_path / page_of(1)).read_text(encoding="utf-8"))
    for words in (
        "ngày 01/09/2025", "Tính chung 2 lần kiểm tra", "Lần 1: đọc từ nguồn", "Lần 2: đọc từ nguồn",
        "Nguồn không trả lời.", "expect_column_values_to_be_between", "max_value", "28,57%", "50%", "Giữ lại",
        "4 quy tắc được tuân thủ",
    ):  # fmt: skip
        assert words in page.text, words
    cells = [re.sub(r"\s+", " ", words).strip() for words in page.words if words.strip()]
    assert cells[cells.index("Bản ghi đã kiểm tra") + 1] == "9", "each source once"
    index = Reader((tmp_path / "2025-09-01" / "index.html").read_text(encoding="utf-8"))
    assert "2/2" in index.text
    first = Reader((tmp_path / "index.html").read_text(encoding="utf-8"))
    assert ("a", {"href": "2025-09-01/index.html"}) in first.tags


def test_hostile_words_arrive_inert_and_nothing_comes_from_outside(wh, tmp_path):
    run(wh, 1, {HOSTILE: [("A", "900", at(1))], "H15.2": [("B", "2", at(1))]})
    docs.build(wh, contracts(), tmp_path, day(1).day)
    pages = every_page(tmp_path)
    assert len(pages) == 3
    for name, text in pages.items():
        page = Reader(text)
        assert not page.open, f"{name}: tags are left open"
        assert not {tag for tag, _ in page.tags} & {"img", "script", "iframe", "link", "object", "form", "base"}, name
        policy = [a["content"] for tag, a in page.tags if a.get("http-equiv") == "Content-Security-Policy"]
        assert policy == ["default-src 'none'; style-src 'unsafe-inline'; img-src data:"]
        for tag, attributes in page.tags:
            assert not any(key.startswith("on") for key in attributes), (name, tag)
            where = attributes.get("href") or attributes.get("src") or ""
            assert re.fullmatch(r"(\.\./)?([0-9-]{10}/)?[a-z_]*\.?(html)?", where), where
        styles = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
        assert not re.search(r"url\(|@import|https?:", " ".join(styles)), name
        assert not [c for c in text if unicodedata.category(c) in ("Cf", "Cc") and c != "\n"], name
        assert text == unicodedata.normalize("NFC", text)
    assert "[U+202E]đảo ngược[U+200B]" in pages["2025-09-01/cha.html"]
    assert "^(?!<script>alert" in Reader(pages["2025-09-01/cha.html"]).text, "as text"


def test_no_value_of_a_row_is_on_a_page_or_in_the_ledger(wh, tmp_path):
    run(wh, 1, {"H15.1": [(SECRET, "987654", at(1)), (SECRET, SECRET, at(1)), (None, "1", at(1))]})
    docs.build(wh, contracts(), tmp_path, day(1).day)
    kept = rows_of(wh, "SELECT result::text FROM ops.validations")[0][0]
    for text in (kept, *every_page(tmp_path).values()):
        assert SECRET not in text
        assert "987654" not in text


def test_a_rule_about_a_window_counts_sources_and_says_when_it_could_not_compare(wh, tmp_path):
    usual = rule("so_dong_nhu_thuong_le", "row_count", severity="warn", min_windows=1)
    counted = dataclasses.replace(CONTRACT, rules=(*CONTRACT.rules, usual))
    # Two days of rest, so that they are compared.
    for number, rows in ((6, 60), (7, 1)):
        plan = land(wh, counted, day(number), {"H15.1": [(f"{number}-{n}", "2", at(number)) for n in range(rows)]})
        quality.judge(wh, counted, day(number), plan.run_id)
        promote(wh, counted, day(number), plan.run_id)
    docs.refresh(wh, {"cha": counted}, tmp_path)
    first, second = (Reader((tmp_path / page_of(number)).read_text(encoding="utf-8")).text for number in (6, 7))
    assert "1 quy tắc chưa đủ số liệu của các kỳ trước để so sánh" in first
    assert "1 quy tắc chưa đủ số liệu" not in second
    assert re.search(r"1 nguồn có vi phạm .*H15\.1 .*Cảnh báo .*1 nguồn 1 100%", second)


def test_only_days_that_changed_are_built_again(wh, tmp_path):
    for number in (1, 2):
        run(wh, number, {"H15.1": [(f"A{number}", "2", at(number))]})
    assert docs.refresh(wh, contracts(), tmp_path) == (date(2025, 9, 1), date(2025, 9, 2))
    before = (tmp_path / "2025-09-02" / "cha.html").stat().st_mtime_ns
    (tmp_path / ".2025-09-01-killed" / "new").mkdir(parents=True)
    run(wh, 1, {"H15.1": [("A1", "4", at(1, 9))]})
    assert docs.refresh(wh, contracts(), tmp_path) == (date(2025, 9, 1),)
    assert "Lần 2" in (tmp_path / "2025-09-01" / "cha.html").read_text(encoding="utf-8")
    assert (tmp_path / "2025-09-02" / "cha.html").stat().st_mtime_ns == before
    assert docs.refresh(wh, contracts(), tmp_path) == ()
    assert listed(tmp_path) == ["2025-09-01", "2025-09-02", "index.html"], "nothing half-made is left"


def test_old_sets_go_with_what_was_kept_for_them_and_nothing_else(wh, tmp_path):
    (tmp_path / "notes").mkdir()
    for number in (1, 2, 3, 4):
        run(wh, number, {"H15.1": [(f"A{number}", "2", at(number))]})
        docs.refresh(wh, contracts(), tmp_path, keep=2)
    assert listed(tmp_path) == ["2025-09-03", "2025-09-04", "index.html", "notes"]
    assert "2025-09-02" not in (tmp_path / "index.html").read_text(encoding="utf-8")
    days = "SELECT r.window_start::date::text FROM ops.validations v JOIN ops.runs r USING (run_id) ORDER BY 1"
    assert rows_of(wh, days) == [("2025-09-03",), ("2025-09-04",)]
    assert rows_of(wh, "SELECT count(DISTINCT run_id) FROM ops.verdicts") == [(4,)]
    # Asked for by hand an old day is built and stays until the next build; its expectations come from the contract.
    docs.build(wh, contracts(), tmp_path, day(1).day, keep=2)
    assert "Đã kiểm tra" in (tmp_path / "2025-09-01" / "cha.html").read_text(encoding="utf-8")
    docs.refresh(wh, contracts(), tmp_path, keep=2)
    assert not (tmp_path / "2025-09-01").exists()


def test_a_build_that_fails_leaves_the_old_pages(wh, tmp_path, monkeypatch):
    run(wh, 1, {"H15.1": [("A1", "2", at(1))]})
    docs.build(wh, contracts(), tmp_path, day(1).day)
    before = every_page(tmp_path)
    monkeypatch.setattr(docs.Path, "write_text", lambda *_, **__: (_ for _ in ()).throw(OSError("full")))
    with pytest.raises(OSError, match="full"):
        docs.build(wh, contracts(), tmp_path, day(1).day)
    assert every_page(tmp_path) == before


@pytest.mark.parametrize(
    ("part", "of", "words"),
    [(0, 10, "0%"), (10, 10, "100%"), (1, 300_000, "< 0,01%"), (299_999, 300_000, "> 99,99%"), (1, 8, "12,5%"),
     (0, 0, "–")],
)  # fmt: skip
def test_a_share_is_never_rounded_to_nothing_or_to_all(part, of, words):
    assert docs._share(part, of) == words
