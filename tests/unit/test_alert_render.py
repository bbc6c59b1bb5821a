"""Whatever a source writes, a letter is a letter: the same parts, the same markup, no formula, no second header."""

import io
import re
import unicodedata
import zipfile
from dataclasses import fields, replace
from datetime import UTC, datetime
from email import policy
from email.header import decode_header, make_header
from email.parser import BytesParser
from functools import cache
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from lienthong.alerts import words
from lienthong.alerts.attachment import LONGEST_CELL, inert, workbook
from lienthong.alerts.letter import Broken, Held, Letter, Told, showable
from lienthong.alerts.message import Parcel, as_mail, mailbox
from lienthong.alerts.render import MOST_KEYS, WIDTH, render

from .letters_kit import EA_SUP, code, down, held, letter, samples, told

SENDER = mailbox("lien-thong@daklak.example")
VOID = {"meta", "br"}
HOSTILE = [
    '"><script>alert(1)</script><img src=x onerror=alert(1)>',
    "</td></tr></table><h1>Chuyển tiền</h1><!--",
    "<![endif]--><style>*{display:none}</style>",
    "{{ 7*7 }}{% include '/etc/passwd' %}",
    "javascript:alert(1)//http://a",
    "Ea Súp\r\nBcc: ai@do.example\r\n\r\n<b>thân thư khác</b>",
    "\nSubject: khác\n\n.\nQUIT",
    "=cmd|' /C calc'!A0",
    "+1+1", "-2+3", "@SUM(A1)", "＝1＋1", "\t=1", " =1", "%0A=1", "#N/A", "_x003D_1+1", "=HYPERLINK(\"http://a\")",
    "\u202eexe.gpj\u202c\u2066\u2069\u200b\u200d\ufeff\u00ad",
    "a\u0301\u0301\u0301\u0301" * 50,
    "\x00\x01\x07\x1b[31m\x7f\x85\u2028\u2029",
    "\ud800\udfff\ufffe\uffff.",
    "👩‍👩‍👧‍👦🇻🇳" * 30,
    "066090900123 hoặc 0905 123 456 và 0100109106-001",
    "x" * 10_000_000,
    "từ " * 4_000_000,
]  # fmt: skip

# Hypothesis also draws the constants of the code that it tests.
SPOKEN = {*words.STATES, *words.KINDS, "warn", "console", "docs"}


class Markup(HTMLParser):
    """Every element with its attributes' names, and every address that something could be loaded from."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.elements, self.comments, self.addresses, self.open, self.words = [], [], [], [], []
        self.feed(text)
        self.close()
        assert self.open == [], "every element is closed"

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, tuple(name for name, _ in attributes)))
        self.addresses += [value for name, value in attributes if name in ("href", "src", "action", "background")]
        self.addresses += [v for name, v in attributes if name == "style" and re.search(r"url|expression|@import", v)]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_comment(self, data):
        self.comments.append(data)

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())


def everywhere(text, kind="digest"):
    """A letter in which every text is ``text``, as many as the templates show."""

    def filled(form, **fixed):
        values = {f.name: 1 if f.type == "int" else text for f in fields(form)}
        return form(**{**values, **fixed})

    rules = (filled(Broken, count=3, keys=(text,) * 3), filled(Broken, count=3, keys=(text,) * 3, severity="warn"))
    kinds = [("rows", "new"), ("blocked", "still"), (text, text)]
    problems = tuple(
        filled(Told, problem=n, kind=name, state=state, count=2, rules=rules, lines=(text,) * 3, proposal=(text,) * 3)
        for n, (name, state) in enumerate(kinds)
    )
    links = {"console": text, "docs": text, text: text}
    rows = tuple(filled(Held) for _ in range(3))
    return Letter(kind, text, text, text, problems, rows, 5, (text,) * 2, links)


def posted(sent, address="ea-sup@daklak.example"):
    parcel = Parcel(
        1, address, sent, render(sent, "mã cơ quan H15"), "<1.letter@daklak.example>", ("<goc@daklak.example>",),
        datetime(2025, 10, 1, tzinfo=UTC),
    )  # fmt: skip
    return as_mail(parcel, SENDER)


def skeleton(rendered):
    """The markup of a letter without its words."""
    found = Markup(rendered.html)
    return found.elements, found.comments


@cache
def harmless(kind):
    """The skeleton and the mail of a letter with harmless words."""
    like = everywhere("từ", kind)
    mail = BytesParser(policy=policy.default).parsebytes(posted(like))
    return skeleton(render(like, "mã cơ quan H15")), mail


def assert_inert(sent):
    """The letter has the markup, the parts and the headers of one with harmless words."""
    rendered = render(sent, "mã cơ quan H15")
    markup, plain = harmless(sent.kind)
    assert skeleton(rendered) == markup
    assert set(Markup(rendered.html).addresses) <= set(sent.links.values())
    for text in (rendered.subject, rendered.text.replace("\n", ""), rendered.html.replace("\n", "")):
        assert not [c for c in text if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp")]
    assert len(rendered.subject) <= 120
    assert len(rendered.html) < 200_000
    assert len(rendered.text) < 60_000
    raw = posted(sent)
    mail = BytesParser(policy=policy.default).parsebytes(raw)
    assert [name for name, _ in mail.items()] == [name for name, _ in plain.items()]
    assert [part.get_content_type() for part in mail.walk()] == [part.get_content_type() for part in plain.walk()]
    assert next(str(a) for a in mail["To"].addresses).endswith("<ea-sup@daklak.example>")
    assert not any(part.defects for part in mail.walk())
    assert str(mail["Subject"]) == rendered.subject
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    assert len(raw) < 500_000
    if rendered.attachment is not None:
        assert_only_text(rendered.attachment)


def opened(packed):
    from openpyxl import load_workbook

    return load_workbook(io.BytesIO(packed))


def assert_only_text(packed):
    """No formula, no link, no macro, no number: shared texts only; and both readers can open it."""
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        names = archive.namelist()
        assert not [name for name in names if re.search("vba|external|hyperlink|drawing|rels/sheet", name.lower())]
        sheet = ElementTree.fromstring(archive.read("xl/worksheets/sheet1.xml"))
        kinds = {element.tag.split("}")[1] for element in sheet.iter()}
        assert not kinds & {"f", "hyperlink", "hyperlinks", "extLst"}
        assert {cell.get("t") for cell in sheet.iter() if cell.tag.endswith("}c")} <= {"s", "n", "inlineStr"}
        assert not [c for c in sheet.iter() if c.tag.endswith("}c") and c.get("t") == "n" and len(c)]
    book = opened(packed)
    for row in book.active.iter_rows():
        for cell in row:
            assert cell.data_type in ("s", "n"), "n is an empty cell"
            value = cell.value or ""
            assert isinstance(value, str)
            assert len(value) <= LONGEST_CELL
            assert not value.lstrip(" \u3000\u00a0").startswith(tuple("=+-@＝＋－＠\t\r\n"))


@pytest.mark.parametrize("kind", ["digest", "summary", "all_clear", "escalation"])
@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text[:20]))
def test_hostile_words_act_nowhere(kind, text):
    assert_inert(everywhere(text, kind))


@pytest.mark.parametrize("length", range(0, 60))
def test_a_header_keeps_every_space_wherever_its_line_ends(length):
    """Python's own folding of headers loses some: «giữ lại» became «giữlại»."""
    sent = letter(recipient="X" * (length % 30) + "ủy ban nhân dân xã Ea Súp, tỉnh Đắk Lắk")
    # the newer parser puts spaces between the parts of a long name
    mail = BytesParser(policy=policy.compat32).parsebytes(posted(sent))
    assert str(make_header(decode_header(mail["To"]))) == f"{sent.recipient} <ea-sup@daklak.example>"
    again = letter("digest", told(source_name="X" * length + " Ea Súp", title="Hồ sơ"))
    mail = BytesParser(policy=policy.default).parsebytes(posted(again))
    assert str(mail["Subject"]) == render(again).subject


@settings(max_examples=60, deadline=None)
@given(st.text(st.one_of(st.sampled_from("<>&'\"=+-@{}%\r\n\t\0\u202e\u200b\ufeff/\\"), st.characters()), max_size=60))
def test_any_words_act_nowhere(text):
    assume(showable(text))
    assume(text not in SPOKEN)  # the words of the machinery do change what a letter shows
    assert_inert(everywhere(text))


@settings(max_examples=300, deadline=None)
@given(st.text(st.one_of(st.sampled_from("=+-@\t\r\n '_x0D"), st.characters())))
def test_no_cell_begins_like_a_formula(text):
    shown = inert(text)
    assert not shown.lstrip(" \u00a0\u3000").startswith(tuple("=+-@\t\r\n＝＋－＠"))
    assert len(shown) <= LONGEST_CELL


def test_an_address_or_a_name_cannot_add_a_header():
    with pytest.raises(ValueError, match="no mail address"):
        posted(letter(), "a@daklak.example\r\nBcc: b@daklak.example")
    mail = BytesParser(policy=policy.default).parsebytes(posted(letter(recipient="UBND\r\nBcc: ai@do.example")))
    assert mail["Bcc"] is None
    assert len(mail["To"].addresses) == 1


def test_links_lead_to_web_pages_only():
    for address in (
        "javascript:alert(1)",
        "http://a b",
        'https://a/"onclick=x',
        "//a",
        "http://",
        "http://[",
        "data:,x",
    ):
        assert Markup(render(letter(links={"console": address})).html).addresses == []
    assert Markup(render(letter(links={"console": "https://a.example/x?b=1&c=2"})).html).addresses == [
        "https://a.example/x?b=1&c=2"
    ]


# -- what a department reads


@pytest.mark.parametrize(
    ("sent", "subject"),
    [
        (letter(), "[Liên Thông] Xã Ea Súp: 11 bản ghi bị giữ lại, ngày 30/09/2025"),
        (
            letter("immediate", down(), down(problem=2)),
            "[Liên Thông] Xã Ea Súp: chưa đọc được dữ liệu, ngày 30/09/2025",
        ),
        (
            letter("digest", told(count=1234, first_window="2025-09-26"), down()),
            "[Liên Thông] Xã Ea Súp: 1.234 bản ghi bị giữ lại, chưa đọc được dữ liệu, từ ngày 26/09/2025 đến ngày "
            "30/09/2025",
        ),
        (
            letter("all_clear", told(state="mended", count=0)),
            "[Liên Thông] Xã Ea Súp: đã khắc phục – Hồ sơ thủ tục hành chính, ngày 30/09/2025",
        ),
        (
            samples()["summary"],
            "[Liên Thông] Tổng hợp toàn tỉnh: 102 đơn vị chưa đọc được dữ liệu; 2 đơn vị có bản ghi bị giữ lại, "
            "ngày 30/09/2025",
        ),
    ],
)
def test_the_subject_says_what_and_where(sent, subject):
    assert render(sent).subject == subject


def test_a_long_subject_keeps_its_days():
    problems = [told(kind=name, source_name="Xã " + "rất dài " * 30) for name in words.KINDS]
    subject = render(letter("digest", *problems)).subject
    assert len(subject) <= 120
    assert subject.endswith("ngày 30/09/2025")


@pytest.mark.parametrize("kind", ["digest", "immediate"])
def test_both_parts_say_everything(kind):
    sent = samples()[kind]
    rendered = render(sent, "mã cơ quan H15")
    for shown in (" ".join(rendered.text.split()), Markup(rendered.html).text):
        for item in sent.told:
            assert item.title in shown
            assert item.how_to_mend in shown
            assert item.reason in shown
            assert f"#{item.problem}" in shown
            for rule in item.rules:
                assert rule.sentence in shown
                assert f"{rule.count} bản ghi" in shown
                assert all(key in shown for key in rule.keys)
        for words_ in ("UBND xã Ea Súp", "Ngày 30/09/2025", "00:21 ngày 01/10/2025", "ngày 01 tháng 10 năm 2025",
                       "«đã khắc phục»", "mã cơ quan H15", *sent.links.values()):  # fmt: skip
            assert words_.lower() in shown.lower()


def test_at_most_ten_keys_stand_in_a_letter_and_the_rest_is_counted():
    rule = replace(told().rules[0], count=25, keys=tuple(code(number) for number in range(1, 26)))
    for shown in (
        render(letter("digest", told(rules=(rule,)))).text,
        render(letter("digest", told(rules=(rule,)))).html,
    ):
        assert len(set(re.findall(r"H15\.131-250930-\d{4}", shown))) == MOST_KEYS
        assert "và 15 bản ghi khác" in " ".join(shown.split())


@pytest.mark.parametrize("kind", ["summary", "escalation"])
def test_the_province_sees_no_key_of_rows_that_are_not_its_own(kind):
    sent = letter(kind, told(), told(problem=2), recipient="Tổ dữ liệu tỉnh", unit="", held=(held(7),))
    rendered = render(sent)
    assert "H15.131-2509" not in rendered.text + rendered.html
    assert rendered.attachment is None
    assert "11" in rendered.text


def test_a_summary_of_the_whole_province_is_one_letter_that_mail_programs_show_whole():
    rendered = render(samples()["summary"])
    assert rendered.text.count("Xã thứ") == 102
    assert len(rendered.html.encode()) < 100_000, "some programs cut a mail beyond that"


def test_very_many_problems_stay_one_letter():
    many = [told(problem=n, source=f"H15.{n}") for n in range(500)]
    for rendered in (render(letter("digest", *many)), render(letter("summary", *many, unit=""))):
        assert "260 dòng khác" in rendered.text
        assert len(rendered.html.encode()) < 100_000, "some mail programs cut what is longer"


def test_the_provinces_morning_letter_has_what_it_must_act_upon_and_the_counts_of_the_rest():
    late = [told(problem=n, state="escalated", source=f"H15.{n}", source_name=f"Xã {n}") for n in (1, 2)]
    others = [told(problem=n, state="still", source=f"H15.{n}", count=n) for n in range(10, 110)]
    mended = [down(problem=n, state="mended", source=f"H15.{n}") for n in range(200, 203)]
    rendered = render(letter("escalation", *late, *others, *mended, unit="", recipient="Tổ dữ liệu tỉnh"))
    assert rendered.subject == "[Liên Thông] Quá hạn xử lý: 22 bản ghi bị giữ lại, ngày 30/09/2025"
    assert rendered.text.count("[QUÁ HẠN XỬ LÝ]") == 2
    assert "Bản ghi bị giữ lại – 100 đơn vị, 5.950 bản ghi" in rendered.text
    assert "Đã khắc phục: chưa đọc được dữ liệu – 3 đơn vị" in rendered.text


def test_a_letter_that_also_says_what_is_mended_does_not_count_it_as_wrong():
    rendered = render(letter("immediate", down(), told(problem=9, state="mended", rules=())))
    assert rendered.subject == "[Liên Thông] Xã Ea Súp: chưa đọc được dữ liệu, ngày 30/09/2025"
    assert "[ĐÃ KHẮC PHỤC] Bản ghi bị giữ lại" in rendered.text


def test_a_dead_platform_is_called_so():
    platform = told(kind="stale", dataset="", title="", source="", source_name="Toàn hệ thống", count=0, rules=())
    rendered = render(letter("immediate", platform, unit="", recipient="Tổ dữ liệu tỉnh"))
    assert rendered.subject == "[Liên Thông] Toàn hệ thống: dữ liệu chậm cập nhật, ngày 30/09/2025"
    assert "ảnh hưởng đến toàn hệ thống" in " ".join(rendered.text.split())


@pytest.mark.parametrize("kind", samples())
def test_letters_are_vietnamese_in_one_normal_form(kind):
    rendered = render(samples()[kind])
    for shown in (rendered.subject, rendered.text, rendered.html):
        assert unicodedata.is_normalized("NFC", shown)
    assert '<html lang="vi">' in rendered.html
    assert all(len(line) <= WIDTH for line in rendered.text.splitlines())


@pytest.mark.parametrize("kind", samples())
def test_html_loads_nothing_and_needs_no_style_sheet(kind):
    found = Markup(render(samples()[kind]).html)
    assert {tag for tag, _ in found.elements} <= {
        "html", "head", "meta", "title", "body", "table", "tr", "td", "th", "p", "h1", "h2", "h3", "strong", "span",
        "code", "ul", "li", "a", "br",
    }  # fmt: skip
    names = {name for _, attributes in found.elements for name in attributes}
    assert not {name for name in names if name.startswith("on")} | names & {"src", "class", "id", "background"}
    assert set(found.addresses) <= set(samples()[kind].links.values())


@pytest.mark.parametrize("kind", samples())
def test_every_text_has_contrast_enough(kind):
    """WCAG 2.2 AA, by the colours that stand around each text."""
    html = render(samples()[kind]).html
    on_white = set(re.findall(r"(?<!-)color:(#[0-9a-f]{6})", html)) - {"#ffffff"}
    backgrounds = {"#ffffff", "#f7f8f9", "#f6f3e9", "#f1f3f5"} & set(re.findall(r"#[0-9a-f]{6}", html))
    for color in on_white:
        assert min(contrast(color, background) for background in backgrounds) >= 4.5, color
    assert contrast("#ffffff", "#7a1420") >= 7


def contrast(one, other):
    def luminance(color):
        parts = [int(color[n : n + 2], 16) / 255 for n in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


# -- the same bytes


@pytest.mark.parametrize("kind", samples())
def test_the_same_letter_has_the_same_bytes(kind):
    again = Letter.from_json(samples()[kind].to_json())
    assert posted(again) == posted(samples()[kind])


def test_the_workbook_does_not_know_when_it_was_written():
    packed = workbook([held(7)], 3)
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        assert {entry.date_time[:3] for entry in archive.infolist()} == {(2025, 7, 1)}
        core = archive.read("docProps/core.xml").decode()
    assert set(re.findall(r">(20[^<]*)<", core)) == {"2025-07-01T00:00:00Z"}


def test_the_workbook_lists_what_is_to_be_corrected():
    book = opened(workbook([held(7), held(12, value="=1+1", line="")], left_out=3))
    sheet = book.active
    rows = [[cell.value for cell in row] for row in sheet.iter_rows()]
    assert rows[0] == [
        "Cơ sở dữ liệu", "Mã bản ghi", "Tham chiếu của đơn vị", "Kỳ dữ liệu", "Dòng tại nguồn", "Quy tắc",
        "Nội dung cần sửa", "Cột", "Giá trị đã gửi (đã che)",
    ]  # fmt: skip
    assert rows[1][:5] == ["Hồ sơ thủ tục hành chính", code(7), code(7), "30/09/2025", "7"]
    assert rows[2][8] == "'=1+1"
    assert "3 dòng" in rows[4][0]
    assert (sheet.freeze_panes, sheet.auto_filter.ref) == ("A2", "A1:I3")
    assert all(cell.number_format == "@" for cell in sheet[2])


def test_a_letter_to_a_unit_names_it_and_its_file():
    rendered = render(samples()["digest"])
    assert rendered.attachment_name == f"Danh sách cần sửa {EA_SUP} 01-10-2025.xlsx"
    assert "5 chỗ cần sửa" in " ".join(rendered.text.split())
    assert render(letter(unit="../..\\x", held=(held(1),))).attachment_name == "Danh sách cần sửa x 01-10-2025.xlsx"
