"""What is not UTF-8 is read by evidence or refused: real sentences in each encoding and font, long and short."""

import io
import random

import pytest

from lienthong.sources import encodings, fonts
from lienthong.sources.encodings import KNOWN, UTF8, encoding_of, lines
from lienthong.sources.failures import Unreadable
from lienthong.sources.fonts import from_tcvn3, from_vni, is_syllable

from .kit import TEXTS, in_1258, in_tcvn3, in_vni

LONG = "ma,ten\n" + "\n".join(TEXTS) + "\n"
BYTES = {
    "windows-1258": in_1258,
    "tcvn3": lambda text: in_tcvn3(text).encode("cp1252"),
    "vni": lambda text: in_vni(text).encode("cp1252"),
}
WORDS = sorted({word for text in TEXTS for word in encodings.words_of(text)})
# Capitals with a tone lose their size in TCVN3: only the font knew it.
SAME = {"tcvn3": str.lower}


def told(content, declared=None):
    return encoding_of(io.BytesIO(content), declared)


def text_of(content, encoding):
    return "".join(lines(io.BytesIO(content), encoding))


def test_every_letter_survives_each_font():
    letters = "aàáảãạăằắẳẵặâầấẩẫậeèéẻẽẹêềếểễệiìíỉĩịoòóỏõọôồốổỗộơờớởỡợuùúủũụưừứửữựyỳýỷỹỵđ"
    assert from_tcvn3(in_tcvn3(letters)) == letters
    for one in (*letters, *letters.upper()):
        assert from_vni(in_vni(one)) == one
    assert from_vni("Vieät Nam, ÑAÉK LAÉK, Ñaëng Thò Aân") == "Việt Nam, ĐẮK LẮK, Đặng Thị Ân"
    assert from_tcvn3("Céng hoµ x· héi chñ nghÜa ViÖt Nam, §¾k L¾k") == "Cộng hoà xã hội chủ nghĩa Việt Nam, Đắk Lắk"
    assert from_tcvn3("uBND TØNH §¾K L¾K") == "uBND TỈNH ĐẮK LẮK"


def test_syllables_are_told_from_what_only_looks_like_them():
    assert all(map(is_syllable, ["Nghiêng", "giờ", "quản", "Đắk", "Krông", "Thuột", "khuỷu", "ĂN", "ủy", "ƯƠM"]))
    assert not any(map(is_syllable, ["Vieät", "ViÖt", "h­íng", "êp", "hôc", "Müller", "áà", "ng", "Nguyeãn"]))


@pytest.mark.parametrize("name", BYTES)
def test_a_file_in_a_legacy_encoding_is_recognised_and_comes_back(name):
    content = BYTES[name](LONG)
    found = told(content)
    assert found == KNOWN[name]
    same = SAME.get(name, str)
    assert same(text_of(content, found)) == same(LONG)


@pytest.mark.parametrize("name", ["tcvn3", "vni"])
@pytest.mark.parametrize("typed", [in_tcvn3, in_vni])
def test_unicode_typed_in_a_legacy_font_is_recognised(name, typed):
    if typed is not {"tcvn3": in_tcvn3, "vni": in_vni}[name]:
        return
    content = typed(LONG).encode()
    found = told(content)
    assert (found.codec, found.font) == ("utf-8-sig", name)
    same = SAME.get(name, str)
    assert same(text_of(content, found)) == same(LONG)


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (LONG.encode(), "utf-8"),
        (b"\xef\xbb\xbf" + LONG.encode(), "utf-8"),
        (LONG.encode("utf-16"), "utf-16"),
        (LONG.encode("utf-16-be"), "utf-16-be"),
        (b"ma,gia_tri\n1,2\n", "utf-8"),
        ("ma,ten\n1,Café Société Müller Strauß\n".encode(), "utf-8"),
        (b"ma,ten\n1,a\x00b\n", "utf-8"),
    ],
)
def test_unicode_proves_itself(content, name):
    found = told(content)
    assert found.name == name
    assert text_of(content, found) == content.decode("utf-8-sig" if name == "utf-8" else name)


def test_short_files_are_read_rightly_or_refused():
    """Never wrongly: 600 files of a few words each, in each encoding."""
    dice, right = random.Random(20250930), dict.fromkeys(BYTES, 0)
    for _ in range(200):
        some = "ma,ten\n" + "\n".join(dice.sample(WORDS, dice.randint(1, 8)))
        for name, typed in BYTES.items():
            try:
                found = told(typed(some))
            except Unreadable:
                continue
            assert found == KNOWN[name]
            right[name] += 1
    assert min(right.values()) > 100


@pytest.mark.parametrize(
    "content",
    [
        "ma,ten\n1,bé\n".encode("cp1258"),  # bé, or bộ in TCVN3
        "ma,ten\nGrün,Äpfel,Straße,Größe,schön,für\n".encode("latin-1"),
        LONG.encode() + b"\xff\xfe",
        LONG.encode("utf-32"),
        bytes(random.Random(1).randbytes(4_000)),
    ],
)
def test_what_cannot_be_told_is_refused_with_what_to_do(content):
    with pytest.raises(Unreadable, match="«CSV UTF-8»"):
        told(content)


def test_the_first_line_that_is_not_utf8_is_named():
    with pytest.raises(Unreadable, match="dòng 3 "):
        told(b"ma,ten\n1,a\n2,\xff\n3,b\n")


def test_a_declared_encoding_is_believed_and_held_to():
    assert text_of("bé".encode("cp1258"), told("bé".encode("cp1258"), "windows-1258")) == "bé"
    assert text_of(b"b\xe9", told(b"b\xe9", "tcvn3")) == "bộ"
    assert text_of(in_vni("bộ").encode(), told(in_vni("bộ").encode(), "vni")) == "bộ"
    assert told("Céng hoµ x· héi".encode(), "utf-8") == UTF8
    with pytest.raises(Unreadable, match="không thuộc bảng mã utf-8"):
        text_of(b"a\nb\xff\n", told(b"a\nb\xff\n", "utf-8"))


def test_text_of_which_only_a_part_was_typed_in_a_legacy_font_is_refused():
    mixed = TEXTS[0] + "\n" + in_tcvn3(TEXTS[2]) + "\n"
    with pytest.raises(Unreadable, match="một phần chữ gõ bằng phông TCVN3"):
        told(mixed.encode())


def test_a_word_that_is_cut_between_two_readings_is_not_lost(monkeypatch):
    monkeypatch.setattr(encodings, "CHUNK", 7)
    for name, typed in BYTES.items():
        assert told(typed(LONG)) == KNOWN[name]
    assert told(in_vni(LONG).encode()).font == "vni"


def test_a_line_without_end_is_refused(monkeypatch):
    monkeypatch.setattr(encodings, "LONGEST_LINE", 1_000)
    with pytest.raises(Unreadable, match="dòng 2 dài quá mức"):
        text_of(b"ma\n" + b"x" * 2_000, UTF8)


def test_the_fonts_leave_plain_text_alone():
    plain = "MA HO SO, 12.5 (ab) #1"
    assert fonts.from_tcvn3(plain) == fonts.from_vni(plain) == plain
