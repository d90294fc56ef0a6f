"""Tells the encoding of files that are not in Unicode, by which bytes stand beside each other."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from features.sources.text_files import encoding_of

# Encodings of files that are not in Unicode, by what only they can be; the last one can be anything.
_JAPANESE, _CYRILLIC, _WESTERN = "cp932", "cp1251", "cp1252"
_CHINESE, _KOREAN, _CENTRAL = "gb18030", "cp949", "cp1250"
# Signs of two bytes, as Chinese and Korean have them, and the first bytes of those of Korean.
_PAIRS: Final = re.compile(b"([\xa1-\xfe]{2})+")
_HANGUL: Final = range(0xB0, 0xC9)
# Bytes of Cyrillic letters; and letters of Polish, which are signs to the Western one, beside others.
_CYRILLIC_LETTERS: Final = re.compile(b"[\xa8\xb8\xc0-\xff]")
_POLISH: Final = re.compile(b"[A-Za-z\xc0-\xff][\xb3\xb9\xbf\x9f]|[\xb3\xb9\xbf\xa3\xaf][a-z]")
_MOST: Final = 0.9
_HIGH: Final = re.compile(b"[\x80-\xff]+")
_LETTERS_IN_A_ROW: Final = 3
_KANA: Final = re.compile("[\u3040-\u30ff]")
_KANA_SHARE: Final = 0.005


def found_encoding(head: bytes, *, is_whole: bool) -> str | None:
    """Finds the encoding of a text that is not in Unicode; None where it is, or says so by its mark."""
    own = encoding_of(head)
    if own != "utf-8":
        return None
    if (wide := _of_wide_signs(head, is_whole=is_whole)) is not None:
        return wide
    if _decodes(head, own, is_whole=is_whole):
        return None
    if _decodes(head, _JAPANESE, is_whole=is_whole):
        text = head.decode(_JAPANESE, errors="ignore")
        if len(_KANA.findall(text)) > _KANA_SHARE * len(text):
            return _JAPANESE
    runs = _HIGH.findall(head)
    if _is_cyrillic(runs):
        return _CYRILLIC
    if (pairs := _of_pairs(head, runs, is_whole=is_whole)) is not None:
        return pairs
    is_central = len(_POLISH.findall(head)) > (1 - _MOST) * sum(map(len, runs))
    return _CENTRAL if is_central else _WESTERN


def _of_wide_signs(head: bytes, *, is_whole: bool) -> str | None:
    """Finds the encoding of a text whose signs all have two bytes, without a mark of it."""
    for some in ("utf-16-le", "utf-16-be") if b"\0" in head else ():
        if _decodes(head, some, is_whole=is_whole) and "\0" not in head.decode(some, "ignore"):
            return some
    return None


def _is_cyrillic(runs: Sequence[bytes]) -> bool:
    """Tells whether nearly all bytes beyond ASCII are Cyrillic letters, most of them several in a row.

    In words of Western languages such letters stand alone.
    """
    count = sum(map(len, runs))
    in_rows = sum(len(run) for run in runs if len(run) >= _LETTERS_IN_A_ROW)
    return 2 * in_rows > count and sum(len(_CYRILLIC_LETTERS.findall(run)) for run in runs) > _MOST * count


def _of_pairs(head: bytes, runs: Sequence[bytes], *, is_whole: bool) -> str | None:
    """Finds the encoding of a text whose signs beyond ASCII are pairs of bytes: of Chinese or Korean."""
    pairs = b"".join(run for run in runs if _PAIRS.fullmatch(run))
    count = sum(map(len, runs))
    # Two such letters in a row there are in Portuguese, too.
    in_rows = sum(len(run) for run in runs if len(run) > _LETTERS_IN_A_ROW)
    if len(pairs) < _MOST * count or 2 * in_rows < count or not _decodes(head, _CHINESE, is_whole=is_whole):
        return None
    hangul = sum(first in _HANGUL for first in pairs[::2])
    is_korean = 2 * hangul > _MOST * len(pairs) and _decodes(head, _KOREAN, is_whole=is_whole)
    return _KOREAN if is_korean else _CHINESE


def _decodes(head: bytes, encoding: str, *, is_whole: bool) -> bool:
    try:
        head.decode(encoding)
    except UnicodeDecodeError as error:
        return error.end >= len(head) and not is_whole
    return True
