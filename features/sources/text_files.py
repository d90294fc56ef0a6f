"""Files of text: their bytes, unpacked where they are packed, and their encoding."""

from __future__ import annotations

import codecs
import gzip
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final, cast

from features.findings.problems import Finding
from features.sources.pieces import TableFile, UnreadableTableError

_CHUNK_BYTES: Final = 1 << 20
_GZIP: Final = b"\x1f\x8b"
# First bytes of files that people rename to what they are not.
_OTHERS: Final = {
    b"PK\x03\x04": "an Excel workbook or another ZIP file",
    b"\xd0\xcf\x11\xe0": "an Excel workbook",
    b"PAR1": "a Parquet file",
    b"SQLite format 3\0": "an SQLite database",
}
# Byte order marks, the longer one first where it begins with another.
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
UTF8: Final = ("utf-8", "utf-8-sig")


def open_bytes(path: Path) -> IO[bytes]:
    """Opens a file, and unpacks it where it is packed by gzip, whatever its name."""
    with path.open("rb") as content:
        is_packed = content.read(len(_GZIP)) == _GZIP
    return cast(IO[bytes], gzip.open(path)) if is_packed else path.open("rb")


def read_head(file: TableFile, most_bytes: int) -> tuple[bytes, bool]:
    """Reads the first bytes of a file; and tells whether they are all.

    Raises:
        UnreadableTableError: the file is empty, or of another format.
    """
    with open_bytes(file.path) as content:
        head = content.read(most_bytes)
        is_whole = not content.read(1)
    other = next((kind for mark, kind in _OTHERS.items() if head.startswith(mark)), None)
    fault = f"it is {other}" if other else "the file is empty"
    if other or not head:
        raise UnreadableTableError(Finding.of("D004", file=file.name, fault=fault))
    return head, is_whole


def encoding_of(head: bytes) -> str:
    """Tells the encoding from the byte order mark; UTF-8 where there is none."""
    return next((encoding for mark, encoding in _MARKS if head.startswith(mark)), "utf-8")


@contextmanager
def open_lines(path: Path, encoding: str, *, errors: str = "replace") -> Iterator[Iterator[str]]:
    """Opens the lines of a file, each with its end.

    Args:
        path: the file.
        encoding: its encoding.
        errors: what becomes of bytes that are no text, as in `codecs`.
    """
    with (
        open_bytes(path) as content,
        io.TextIOWrapper(content, encoding=encoding, errors=errors, newline="") as lines,
    ):
        yield lines


def undecodable(file: TableFile, encoding: str) -> Finding | None:
    """Reports the first line, from 1, with a byte that is no text; None where there is none."""
    decoder = codecs.getincrementaldecoder(encoding)()
    lines = 1
    with open_bytes(file.path) as content:
        while True:
            chunk = content.read(_CHUNK_BYTES)
            try:
                lines += decoder.decode(chunk, final=not chunk).count("\n")
            except UnicodeDecodeError as error:
                lines += error.object[: error.start].decode(encoding, errors="ignore").count("\n")
                return Finding.of("D005", file=file.name, line=str(lines))
            if not chunk:
                return None
