"""Text typed in a legacy Vietnamese font becomes Unicode: TCVN3 (ABC, .VnTime) and VNI (VNI-Times).

Such text is one byte, or one Latin letter, for what the font draws as a Vietnamese letter. TCVN3 has no capitals with
a tone: its capital fonts draw the small letters large, so a word comes out in capitals when two of its letters are
capitals and no plain one is small. VNI writes the mark behind the letter.

Tables: TCVN 5712:1993 (VN3) and VNI for Windows.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping

_TCVN3 = {
    "¡": "Ă", "¢": "Â", "£": "Ê", "¤": "Ô", "¥": "Ơ", "¦": "Ư", "§": "Đ", "¨": "ă", "©": "â", "ª": "ê", "«": "ô",
    "¬": "ơ", "\u00ad": "ư", "®": "đ", "µ": "à", "¶": "ả", "·": "ã", "¸": "á", "¹": "ạ", "»": "ằ", "¼": "ẳ", "½": "ẵ",
    "¾": "ắ", "Æ": "ặ", "Ç": "ầ", "È": "ẩ", "É": "ẫ", "Ê": "ấ", "Ë": "ậ", "Ì": "è", "Î": "ẻ", "Ï": "ẽ", "Ð": "é",
    "Ñ": "ẹ", "Ò": "ề", "Ó": "ể", "Ô": "ễ", "Õ": "ế", "Ö": "ệ", "×": "ì", "Ø": "ỉ", "Ü": "ĩ", "Ý": "í", "Þ": "ị",
    "ß": "ò", "á": "ỏ", "â": "õ", "ã": "ó", "ä": "ọ", "å": "ồ", "æ": "ổ", "ç": "ỗ", "è": "ố", "é": "ộ", "ê": "ờ",
    "ë": "ở", "ì": "ỡ", "í": "ớ", "î": "ợ", "ï": "ù", "ñ": "ủ", "ò": "ũ", "ó": "ú", "ô": "ụ", "õ": "ừ", "ö": "ử",
    "÷": "ữ", "ø": "ứ", "ù": "ự", "ú": "ỳ", "û": "ỷ", "ü": "ỹ", "ý": "ý", "þ": "ỵ",
}  # fmt: skip
_CAPITALS = "¡¢£¤¥¦§"
_ACUTE, _GRAVE, _TILDE, _HOOK, _DOT = "\u0301", "\u0300", "\u0303", "\u0309", "\u0323"
_BREVE, _CIRCUMFLEX, _HORN = "\u0306", "\u0302", "\u031b"
_MARKS = {
    "ù": _ACUTE, "ø": _GRAVE, "û": _HOOK, "õ": _TILDE, "ï": _DOT,
    "â": _CIRCUMFLEX, "á": _CIRCUMFLEX + _ACUTE, "à": _CIRCUMFLEX + _GRAVE, "å": _CIRCUMFLEX + _HOOK,
    "ã": _CIRCUMFLEX + _TILDE, "ä": _CIRCUMFLEX + _DOT,
    "ê": _BREVE, "é": _BREVE + _ACUTE, "è": _BREVE + _GRAVE, "ú": _BREVE + _HOOK, "ü": _BREVE + _TILDE,
    "ë": _BREVE + _DOT,
}  # fmt: skip
_TONES, _HATS, _BREVES = "ùøûõï", "âáàåãä", "êéèúüë"
_BASES = {"a": _TONES + _HATS + _BREVES, "e": _TONES + _HATS, "o": _TONES + _HATS, "u": _TONES, "y": _TONES[:-1],
          "ô": _TONES, "ö": _TONES}  # fmt: skip
_LETTERS = {"í": "í", "ì": "ì", "æ": "ỉ", "ó": "ĩ", "ò": "ị", "î": "ỵ", "ô": "ơ", "ö": "ư", "ñ": "đ"}


def _vni_table() -> dict[str, str]:
    small = dict(_LETTERS)
    for base, marks in _BASES.items():
        for mark in marks:
            small[base + mark] = unicodedata.normalize("NFC", _LETTERS.get(base, base) + _MARKS[mark])
    capital = {key.upper(): value.upper() for key, value in small.items()}
    # A capital letter with a small mark behind it, as people type at the beginning of a word.
    first = {key[0].upper() + key[1:]: value.upper() for key, value in small.items()}
    return {**first, **capital, **small}


_VNI = _vni_table()
_VNI_PLACES = re.compile("|".join(sorted(map(re.escape, _VNI), key=len, reverse=True)))
_WORDS = re.compile("[A-Za-z\u00a1-\u00ff]+")


def from_tcvn3(text: str) -> str:
    """Unicode, composed, of text typed in a TCVN3 font; what the font does not know stays as it is."""
    return _WORDS.sub(_tcvn3_word, text)


def _tcvn3_word(match: re.Match[str]) -> str:
    word = match.group()
    found = "".join(_TCVN3.get(letter, letter) for letter in word)
    capitals = sum(letter in _CAPITALS or (letter.isascii() and letter.isupper()) for letter in word)
    small = any(letter.isascii() and letter.islower() for letter in word)
    return found.upper() if capitals > 1 and not small else found


def from_vni(text: str) -> str:
    """Unicode, composed, of text typed in a VNI font; what the font does not know stays as it is."""
    return _VNI_PLACES.sub(lambda match: _VNI[match.group()], text)


FONTS: Mapping[str, Callable[[str], str]] = {"tcvn3": from_tcvn3, "vni": from_vni}

_TONE_MARKS = {_ACUTE, _GRAVE, _TILDE, _HOOK, _DOT}
_SYLLABLE = re.compile(
    "(?:gi|qu|[bcdđghjklmnpqrstvxz]{0,4})"
    "(?:oong|ooc|(?:uyê|iê|yê|uô|ươ|uâ|oă|oa|oe|uê|uy|uơ|[aăâeêioôơuưy])(?P<end>ch|c|k|m|nh|ng|n|p|t)?"
    "|iêu|yêu|uôi|ươi|ươu|uây|oai|oay|oao|oeo|uya|uyu"
    "|ai|ao|au|ay|âu|ây|eo|êu|ia|iu|oi|ôi|ơi|ua|ui|ưa|ưi|ưu)"
)


def is_syllable(word: str) -> bool:
    """Whether a word is written as a Vietnamese syllable: letters, rime, one tone at most, and a tone that its
    ending allows. Names in Ede and Mnông, such as Krông and Đắk, pass."""
    parts = unicodedata.normalize("NFD", word.lower())
    tones = [mark for mark in parts if mark in _TONE_MARKS]
    bare = unicodedata.normalize("NFC", "".join(mark for mark in parts if mark not in _TONE_MARKS))
    match = _SYLLABLE.fullmatch(bare)
    if match is None or len(tones) > 1:
        return False
    return match["end"] not in ("c", "ch", "p", "t") or tones in ([_ACUTE], [_DOT])
