"""Markdown that every reference page is made of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    r"""Writes a table; a bar within a cell would end it, so bars are escaped.

    >>> print(table(["name", "takes"], [["--out", "file | folder"]]), end="")
    | name | takes |
    |---|---|
    | --out | file \| folder |
    """
    lines = [_line(head), "|" + "---|" * len(head), *(_line([_cell(text) for text in row]) for row in rows)]
    return "\n".join(lines) + "\n"


def code(text: str) -> str:
    """Marks a text as code; nothing stays nothing.

    >>> code("lead_id"), code("")
    ('`lead_id`', '')
    """
    return f"`{text}`" if text else ""


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
