"""Whether cells of a file stand in quotes: many programs write cells between tabs as they are."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Final

_QUOTE: Final = '"'
_TAB: Final = "\t"


def has_bare_quotes(lines: Iterable[str], separator: str) -> bool:
    r"""Tells whether a quote at the start of a cell is a sign of its text.

    That is told by files with tabs alone, whose cells hold none: a line has as many of them as the lines
    around it, and a cell that begins with a quote does not end with its own. Other files need quotes.

    >>> has_bare_quotes(['id\ttitle\n', '7\t"Best" of all\n'], "\t")
    True
    >>> has_bare_quotes(['id\ttitle\n', '7\t"two\n', 'lines"\n'], "\t")
    False
    """
    if separator != _TAB:
        return False
    count = 0
    for line, after in itertools.pairwise(itertools.chain(lines, [""])):
        count = count or line.count(_TAB)
        if f"{_TAB}{_QUOTE}" not in line and not line.startswith(_QUOTE):
            continue
        if not count or line.count(_TAB) != count or (after.strip() and after.count(_TAB) != count):
            continue
        if any(map(_is_bare, line.rstrip("\r\n").split(_TAB))):
            return True
    return False


def _is_bare(cell: str) -> bool:
    """Tells whether a cell begins with a quote, and is no text in quotes."""
    inner = cell[1:-1]
    is_quoted = len(cell) > 1 and cell.endswith(_QUOTE) and _QUOTE not in inner.replace('""', "")
    return cell.startswith(_QUOTE) and not is_quoted
