"""Atomic writing: a crash, a power cut or a full disk leaves the old state or the new one, never a part."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path

from features.output.targets import flush, replace_file
from models.errors import FolderExistsError, WriteError


def write_folder(folder: Path, files: Mapping[str, bytes]) -> None:
    """Writes a new folder of files: beside it first, flushed to the disk, then renamed.

    Raises:
        FolderExistsError: the folder exists.
        WriteError: the disk is full or refuses; nothing is left behind.
    """
    if folder.exists():
        raise FolderExistsError(folder)
    beside = _beside(folder)
    try:
        beside.mkdir(parents=True)
        for name, content in files.items():
            _write_flushed(beside / name, content)
        flush(beside)
        beside.rename(folder)
        flush(folder.parent)
    except OSError as error:
        raise WriteError(folder, reason=error.strerror or str(error)) from None
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def replace_text(path: Path, text: str) -> None:
    """Replaces a small text file in one step; a reader sees the old text or the new one.

    Raises:
        WriteError: the disk is full or refuses; the old file stays.
    """
    beside = _beside(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _write_flushed(beside, text.encode())
        replace_file(beside, path)
        flush(path.parent)
    except OSError as error:
        raise WriteError(path, reason=error.strerror or str(error)) from None
    finally:
        beside.unlink(missing_ok=True)


def _beside(path: Path) -> Path:
    """Names a temporary file or folder; a random part tells processes of several containers apart."""
    return path.with_name(f".{path.name}.{secrets.token_hex(8)}.part")


def _write_flushed(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
