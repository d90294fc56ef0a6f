"""Whether a folder holds exactly the files that its digests list, byte for byte."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from models.bundle.format import CONTENT_FILES, DIGESTS_FILE
from models.errors import BundleContentError, BundleFileError, NoBundleError


def digest(content: bytes) -> str:
    """SHA-256 as lower-case hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def read_verified(folder: Path) -> dict[str, bytes]:
    """Reads every file of a bundle once, and compares its digest before anything is parsed.

    The compared bytes are returned and parsed; the files are not opened again.

    Raises:
        NoBundleError: the folder does not exist, or has no digests.
        BundleFileError: a file is missing, unlisted, empty, or not the one that was written.
        BundleContentError: the digests cannot be read.
    """
    listed = _listed_digests(folder)
    present = {path.name for path in folder.iterdir()} - {DIGESTS_FILE}
    for name in sorted(present - {*listed}):
        raise BundleFileError(folder, name, fault="is not listed in digests.json")
    for name in sorted({*listed} - present):
        raise BundleFileError(folder, name, fault="is listed in digests.json but missing")
    return {name: _read_file(folder, name, expected=listed[name]) for name in sorted(listed)}


def _listed_digests(folder: Path) -> Mapping[str, str]:
    try:
        listed = json.loads((folder / DIGESTS_FILE).read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise NoBundleError(folder) from None
    except (OSError, ValueError) as error:
        raise BundleContentError(folder, DIGESTS_FILE, fault=f"cannot be read: {error}") from None
    if not isinstance(listed, dict) or not all(isinstance(value, str) for value in listed.values()):
        raise BundleContentError(folder, DIGESTS_FILE, fault="is not an object of digests by file")
    for name in sorted({*CONTENT_FILES} ^ {*listed}):
        fault = f"does not list {name}" if name in CONTENT_FILES else f"lists {name}, which no bundle has"
        raise BundleContentError(folder, DIGESTS_FILE, fault=fault)
    return listed


def _read_file(folder: Path, name: str, *, expected: str) -> bytes:
    try:
        content = (folder / name).read_bytes()
    except OSError as error:
        raise BundleFileError(folder, name, fault=f"cannot be read: {error.strerror}") from None
    if not content:
        raise BundleFileError(folder, name, fault="is empty")
    found = digest(content)
    if found != expected:
        raise BundleFileError(folder, name, fault=f"has the digest {found}, not {expected} as listed")
    return content
