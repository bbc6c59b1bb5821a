"""Bytes of a text file become Unicode, by evidence or not at all.

UTF-8 and UTF-16 prove themselves. What is neither is read as Windows-1258, TCVN3 or VNI only when nearly every word
with marks is then a Vietnamese syllable and the other readings give far fewer; else a person has to say which it is.
The same evidence finds Unicode text that was typed in a legacy font, as spreadsheets keep it.
"""

from __future__ import annotations

import codecs
import io
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import BinaryIO

from lienthong.sources.failures import Unreadable
from lienthong.sources.fonts import FONTS, is_syllable

CHUNK = 1 << 20
LONGEST_WORD = 1_000
MOST_WORDS = 5_000  # distinct words that are looked at
EVIDENCE = 3  # distinct words that must speak for a reading
SURE = 0.8  # share of the words that must be syllables
AHEAD = 0.3  # lead over the next best reading
MIXED = 0.05  # share of words in a legacy font from which Unicode text counts as mixed
LONGEST_LINE = 32 * 1024 * 1024

_WORDS = re.compile("[A-Za-z\u00a1-\u1fff\u2070-\uffff]+")
_QUOTES = "«»‹›„"


def _composed(text: str) -> str:
    return unicodedata.normalize("NFC", text)


@dataclass(frozen=True, slots=True)
class Encoding:
    """How bytes become letters, and in which font these letters were typed; ``name`` is what people call it."""

    name: str
    codec: str
    font: str | None = None

    @property
    def convert(self) -> Callable[[str], str] | None:
        """What a decoded line goes through; nothing for Unicode that is Unicode."""
        if self.font:
            return FONTS[self.font]
        return _composed if self.codec == "cp1258" else None


UTF8 = Encoding("utf-8", "utf-8-sig")
KNOWN = {
    "utf-8": UTF8,
    "utf-16": Encoding("utf-16", "utf-16"),
    "utf-16-le": Encoding("utf-16-le", "utf-16-le"),
    "utf-16-be": Encoding("utf-16-be", "utf-16-be"),
    "windows-1258": Encoding("windows-1258", "cp1258"),
    "tcvn3": Encoding("tcvn3", "cp1252", "tcvn3"),
    "vni": Encoding("vni", "cp1252", "vni"),
}
_LEGACY = ("windows-1258", "tcvn3", "vni")
_SAY = "Lưu lại tệp ở dạng «CSV UTF-8» rồi nộp lại"
_OR_DECLARE = "hoặc nhóm dữ liệu của tỉnh khai bảng mã (encoding) trong kết nối"


def encoding_of(file: BinaryIO, declared: str | None = None) -> Encoding:
    """The encoding of a whole file; ``declared`` is one of ``KNOWN`` and is believed.

    Raises ``Unreadable`` when the evidence does not decide. The file is read to its end once or twice."""
    if declared and not KNOWN[declared].font:
        return KNOWN[declared]
    if not declared and (marked := _marked(file)):
        return marked
    text = _Unicode(file)
    if declared:  # a font may have been used to type bytes, or to type Unicode
        known = KNOWN[declared]
        return Encoding(known.name, "utf-8-sig", known.font) if text.valid and text.words else known
    if text.valid:
        font = font_of(text.words)
        return Encoding(f"utf-8, {font}", "utf-8-sig", font) if font else UTF8
    return _legacy(file, text.broken_line)


def lines(file: BinaryIO, encoding: Encoding) -> Iterator[str]:
    """The lines of a file with their ends, as Unicode; one that is not in the encoding is named by its number."""
    file.seek(0)
    text = io.TextIOWrapper(file, encoding.codec, errors="strict", newline="")
    convert, number = encoding.convert, 0
    try:
        while line := text.readline(LONGEST_LINE):
            number += 1
            if len(line) >= LONGEST_LINE:
                raise Unreadable(f"dòng {number} dài quá mức. {_SAY}.")
            yield convert(line) if convert else line
    except UnicodeError:
        raise Unreadable(
            f"sau dòng {number} có chữ không thuộc bảng mã {encoding.name}. {_SAY}, {_OR_DECLARE}."
        ) from None
    finally:
        with suppress(ValueError):  # closed already, by a reader that stopped early
            text.detach()


def words_of(text: str) -> Iterator[str]:
    """The words of a text that hold a letter beyond ASCII."""
    for word in _WORDS.findall(text):
        if not word.isascii() and (bare := word.strip(_QUOTES)) and not bare.isascii():
            yield bare


def font_of(words: Iterable[str]) -> str | None:
    """The legacy font in which Unicode text was typed, or none; ``Unreadable`` when only a part of it was."""
    known = set(words)
    doubtful = {word for word in known if max(word) <= "\u00ff" and not is_syllable(word)}
    votes = {font: sum(is_syllable(convert(word)) for word in doubtful) for font, convert in FONTS.items()}
    font = max(votes, key=lambda name: votes[name])
    if votes[font] < max(EVIDENCE, MIXED * len(known)):
        return None
    if any(word for word in known if max(word) > "\u00ff"):
        raise Unreadable(
            f"một phần chữ gõ bằng phông {font.upper()}, một phần là Unicode. "
            "Chuyển mã toàn bộ sang Unicode rồi nộp lại."
        )
    if votes[font] < SURE * len(doubtful):
        raise Unreadable(f"không xác định được phông chữ cũ (TCVN3 hay VNI). {_SAY}, {_OR_DECLARE}.")
    return font


def _marked(file: BinaryIO) -> Encoding | None:
    """The encoding that the first bytes tell: a mark, or the zero bytes of UTF-16."""
    file.seek(0)
    head = file.read(4096)
    if head.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        raise Unreadable(f"tệp ở bảng mã UTF-32. {_SAY}.")
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return KNOWN["utf-16"]
    half = len(head) // 2
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if half >= 8 and odd > 0.6 * half and even < 0.1 * half:
        return KNOWN["utf-16-le"]
    if half >= 8 and even > 0.6 * half and odd < 0.1 * half:
        return KNOWN["utf-16-be"]
    return None


class _Unicode:
    """One reading of a file as UTF-8: whether it is, its words, and the line at which it is not."""

    def __init__(self, file: BinaryIO) -> None:
        file.seek(0)
        decoder = codecs.getincrementaldecoder("utf-8")("strict")
        self.valid, self.broken_line = True, 1
        self.words: set[str] = set()
        rest = ""
        while self.valid and (chunk := file.read(CHUNK)):
            try:
                text = decoder.decode(chunk)
            except UnicodeDecodeError as error:
                self.valid = False
                self.broken_line += chunk[: max(error.start, 0)].count(b"\n")
                return
            self.broken_line += chunk.count(b"\n")
            if len(self.words) < MOST_WORDS:
                rest = self._look(rest + text)
        try:
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            self.valid = False
        self.words.update(words_of(rest))

    def _look(self, text: str) -> str:
        """Take the words of a text; gives its end, where a word may have been cut."""
        cut = max(text.rfind("\n"), text.rfind(","), text.rfind(" ")) + 1
        self.words.update(words_of(text[:cut]))
        return text[cut:][-LONGEST_WORD:]


def _legacy(file: BinaryIO, broken_line: int) -> Encoding:
    """The one legacy reading that makes Vietnamese of the file."""
    words = _byte_words(file)
    shares: dict[str, float] = {}
    for name in _LEGACY:
        shares[name] = sum(map(is_syllable, _read(words, KNOWN[name]))) / max(len(words), 1)
    best, second = sorted(shares.values(), reverse=True)[:2]
    if best < SURE or best - second < AHEAD or best * len(words) < EVIDENCE:
        raise Unreadable(
            f"dòng {broken_line} không phải UTF-8, và không đủ căn cứ để nhận ra Windows-1258, TCVN3 hay VNI. "
            f"{_SAY}, {_OR_DECLARE}."
        )
    return KNOWN[max(shares, key=lambda name: shares[name])]


def _byte_words(file: BinaryIO) -> list[bytes]:
    """Distinct words that hold a byte beyond ASCII; the punctuation of Windows (0x80 to 0xA0) ends a word."""
    file.seek(0)
    found: set[bytes] = set()
    rest = b""
    while len(found) < MOST_WORDS and (chunk := file.read(CHUNK)):
        words = re.split(rb"[^A-Za-z\xa1-\xff]+", rest + chunk)
        rest = words.pop()[-LONGEST_WORD:]
        found.update(word for word in words if not word.isascii())
    if rest and not rest.isascii():
        found.add(rest)
    return sorted(found)


def _read(words: list[bytes], encoding: Encoding) -> Iterator[str]:
    for word in words:
        text = word.decode(encoding.codec, "replace")
        # Quotation marks belong to Windows-1258 only: both fonts use, or never write, their places.
        bare = text.strip(_QUOTES) if encoding.codec == "cp1258" else text
        yield encoding.convert(bare) if encoding.convert else bare
