"""Unicode becomes the bytes of old offices: TCVN3, VNI and Windows-1258; a letter without a place is refused.

TCVN3 has no capitals with a tone: a word in capitals is typed with small letters in a font that draws them large, so
a single toned capital (``Ánh``) cannot be told from a small letter and is refused too.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping

from lienthong.errors import NeedsPerson

_TCVN3 = dict(
    zip(
        "ăâêôơưđàảãáạằẳẵắặầẩẫấậèẻẽéẹềểễếệìỉĩíịòỏõóọồổỗốộờởỡớợùủũúụừửữứựỳỷỹýỵ",
        bytes.fromhex(
            "a8a9aaabacadaeb5b6b7b8b9bbbcbdbec6c7c8c9cacbcccecfd0d1d2d3d4d5d6d7d8dcdddedfe1e2e3e4e5e6e7e8e9"
            "eaebecedeeeff1f2f3f4f5f6f7f8f9fafbfcfdfe"
        ).decode("latin-1"),
        strict=True,
    )
)
_TCVN3_CAPITALS = dict(zip("ĂÂÊÔƠƯĐ", "\xa1\xa2\xa3\xa4\xa5\xa6\xa7", strict=True))
_TONES = ("\u0301", "\u0300", "\u0309", "\u0303", "\u0323")
_VNI_MARKS = {
    "": "ùøûõï",
    "\u0302": "áàåãä",
    "\u0306": "éèúüë",
}
_VNI_HATS = {"\u0302": "â", "\u0306": "ê"}
_VNI_HORNS = {"o": "ô", "u": "ö"}
_VNI_SINGLE = {"í": "í", "ì": "ì", "ỉ": "æ", "ĩ": "ó", "ị": "ò", "ỵ": "î", "đ": "ñ"}
_WORDS = re.compile(r"\w+")


def encoded(text: str, encoding: str) -> bytes:
    """The bytes of a text in ``tcvn3``, ``vni``, ``windows-1258`` or an encoding that Python knows."""
    turn = _OLD.get(encoding)
    return turn(unicodedata.normalize("NFC", text)) if turn else text.encode(encoding)


def _tcvn3(text: str) -> bytes:
    return _WORDS.sub(lambda match: _tcvn3_word(match.group()), text).encode("cp1252")


def _tcvn3_word(word: str) -> str:
    typed = "".join(_TCVN3_CAPITALS.get(letter, _TCVN3.get(letter, letter)) for letter in word)
    if all(letter.isascii() or letter in _TCVN3 or letter in _TCVN3_CAPITALS for letter in word):
        return typed
    large = sum(letter in _TCVN3_CAPITALS or (letter.isascii() and letter.isupper()) for letter in word)
    if large > 1 and word.isupper():
        return "".join(_TCVN3_CAPITALS.get(letter, _TCVN3.get(letter.lower(), letter)) for letter in word)
    known = {*_TCVN3, *_TCVN3_CAPITALS}
    strange = next(letter for letter in word if not letter.isascii() and letter not in known)
    raise NeedsPerson(
        f"The sandbox cannot write U+{ord(strange):04X} in TCVN3: expected small letters, capitals without a tone, or "
        "a whole word in capitals. Choose other words in the maker of the dataset."
    )


def _vni(text: str) -> bytes:
    return "".join(map(_vni_letter, text)).encode("cp1252")


def _vni_letter(letter: str) -> str:
    if letter.isascii():
        return letter
    small = letter.lower()
    typed = _VNI_SINGLE.get(small) or _vni_vowel(small)
    return typed.upper() if letter != small else typed


def _vni_vowel(letter: str) -> str:
    base, marks = _parted(letter)
    tone = next((mark for mark in marks if mark in _TONES), "")
    if "\u031b" in marks:
        base, hat = _VNI_HORNS[base], ""
    else:
        hat = next((mark for mark in marks if mark in _VNI_HATS), "")
    if not marks:
        return letter
    return base + (_VNI_MARKS[hat][_TONES.index(tone)] if tone else _VNI_HATS.get(hat, ""))


def _windows_1258(text: str) -> bytes:
    return "".join(map(_parted_for_windows, text)).encode("cp1258")


def _parted_for_windows(letter: str) -> str:
    """The letter whole where Windows has it, else the letter without its tone, and the tone behind it."""
    if letter.isascii():
        return letter
    base, marks = _parted(letter)
    tone = "".join(mark for mark in marks if mark in _TONES)
    bare = unicodedata.normalize("NFC", base + "".join(mark for mark in marks if mark not in _TONES))
    return bare + tone


def _parted(letter: str) -> tuple[str, str]:
    parts = unicodedata.normalize("NFD", letter)
    return parts[0], parts[1:]


_OLD: Mapping[str, Callable[[str], bytes]] = {"tcvn3": _tcvn3, "vni": _vni, "windows-1258": _windows_1258}
