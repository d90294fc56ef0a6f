"""The files of a history at a URI, mirrored without their rows: the reader of one machine then judges them.

Every file of Parquet becomes a local file with its footer alone, which has the names and types of its columns
and the number of its rows; every other file becomes an empty one of its name. Rows stay where they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from features.sources.history_settings import SETTINGS_FILE
from features.spark.session import SparkFailedError

_MAGIC: Final = b"PAR1"
# The length of the footer, and the magic bytes.
_TAIL_BYTES: Final = 8
_LEAST_BYTES: Final = len(_MAGIC) + _TAIL_BYTES


def mirror_files(session: Any, source: str, folder: Path) -> None:
    """Mirrors the files of a history.

    Args:
        session: Spark session, whose Hadoop configuration opens the URI.
        source: URI of a folder; one that is not there gives no files.
        folder: an empty folder of this machine.

    Raises:
        SparkFailedError: the files cannot be listed or read.
    """
    with _faults_of(source):
        root = session.sparkContext._jvm.org.apache.hadoop.fs.Path(source)
        system = root.getFileSystem(session.sparkContext._jsc.hadoopConfiguration())
        if system.exists(root):
            _mirror(system, root, folder)


def _mirror(system: Any, place: Any, folder: Path) -> None:
    for status in system.listStatus(place):
        path = status.getPath()
        copy = folder / path.getName()
        if status.isDirectory():
            copy.mkdir()
            # What jobs leave beside the rows is not read.
            if not copy.name.startswith((".", "_")) or "=" in copy.name:
                _mirror(system, path, copy)
            continue
        is_settings = copy.name == SETTINGS_FILE
        is_table = copy.name.lower().endswith(".parquet")
        copy.write_bytes(
            _content(system, path, status.getLen(), whole=is_settings) if is_settings or is_table else b""
        )


def _content(system: Any, path: Any, length: int, *, whole: bool) -> bytes:
    """Reads a whole file, or the footer of a file of Parquet as a file of its own."""
    stream = system.open(path)
    try:
        if whole or length < _LEAST_BYTES:
            return bytes(stream.readNBytes(length))
        stream.seek(length - _TAIL_BYTES)
        tail = bytes(stream.readNBytes(_TAIL_BYTES))
        size = int.from_bytes(tail[: -len(_MAGIC)], "little")
        if not tail.endswith(_MAGIC) or size > length - _LEAST_BYTES:
            # No Parquet: it is reported as any such file.
            return tail
        stream.seek(length - _TAIL_BYTES - size)
        return _MAGIC + bytes(stream.readNBytes(size)) + tail
    finally:
        stream.close()


@contextmanager
def _faults_of(source: str) -> Iterator[None]:
    from py4j.protocol import Py4JJavaError

    try:
        yield
    except Py4JJavaError as error:
        first = str(error.java_exception.getMessage()).partition("\n")[0].rstrip(".")
        raise SparkFailedError(f"{source} cannot be read: {first}") from None
