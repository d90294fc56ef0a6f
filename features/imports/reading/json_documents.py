"""Opens files that are one JSON document, as many APIs answer: a list of objects, or an object with one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from features.findings.problems import Finding
from features.imports.reading.spooled_rows import spool_rows
from features.sources.pieces import OpenTable, TableFile, UnreadableTableError
from features.sources.text_files import encoding_of, open_bytes


def open_document(file: TableFile, spill: Path) -> OpenTable | None:
    """Opens a file that is one document; None where its lines are objects, whole or broken.

    Args:
        file: the file.
        spill: folder for rows on their way.

    Raises:
        UnreadableTableError: it is a list, but not of objects.
    """
    with open_bytes(file.path) as content:
        first = next(filter(None, (line.strip(b"\xef\xbb\xbf \t\r\n") for line in content)), b"")
        if not first.startswith((b"[", b"{")) or _is_object(first):
            return None
        content.seek(0)
        text = content.read()
    try:
        rows = _rows_of(json.loads(text.decode(file.encoding or encoding_of(text))))
    except (ValueError, RecursionError):
        rows = None
    if rows is None and first.startswith(b"{"):
        return None
    if not rows:
        fault = "it is neither JSON lines nor a list of objects"
        raise UnreadableTableError(Finding.of("D004", file=file.name, fault=fault))
    names = list(dict.fromkeys(name for row in rows for name in row))
    return spool_rows(([row.get(name) for name in names] for row in rows), names, file.rule, spill)


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def _rows_of(document: Any) -> list[dict[str, Any]] | None:
    """Finds the list of objects: the document itself, or the only one that its object holds."""
    if isinstance(document, dict):
        lists = [each for each in document.values() if isinstance(each, list) and each]
        document = lists[0] if len(lists) == 1 else None
    is_list = isinstance(document, list) and all(isinstance(each, dict) for each in document)
    return document if is_list else None
