"""What hooks need beside their tokens: maps of one's own, and what the CRMs sign with, from `hooks.toml`.

The file is read again when it or a map in it changes, so that a mended map needs no restart.
"""

from __future__ import annotations

import logging
import os
import threading
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from features.errors import LeadOddsError
from features.imports.format.map_files import worded_faults
from serving.hooks.map_files import read_hook_map
from serving.hooks.map_format import CRMS, HookMap

_LOG: Final = logging.getLogger("leadodds.serving")
_Secret = Annotated[SecretStr, Field(min_length=1)]


class HooksFileError(LeadOddsError):
    """A `hooks.toml` that cannot be used."""

    def __init__(self, path: Path, *, fault: str) -> None:
        super().__init__(f"The file {path} cannot be used: {fault}.")


class CrmSetup(BaseModel):
    """What is set up of one CRM.

    Attributes:
        map: file of a map of one's own, relative to `hooks.toml`.
        user: that Pipedrive sends by Basic.
        password: likewise.
        secrets: secret keys of EspoCRM's web hooks, by the ids of these.
        client_secret: of the app of HubSpot.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    map: Path | None = None
    user: str = ""
    password: _Secret | None = None
    secrets: Mapping[str, _Secret] = {}
    client_secret: _Secret | None = None


class HooksFile(BaseModel):
    """The whole of `hooks.toml`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    odoo: CrmSetup = CrmSetup()
    pipedrive: CrmSetup = CrmSetup()
    espocrm: CrmSetup = CrmSetup()
    zoho: CrmSetup = CrmSetup()
    hubspot: CrmSetup = CrmSetup()


class HookSetup:
    """Follows `hooks.toml` and the maps; a change that cannot be used is logged, and changes nothing."""

    def __init__(self, path: Path) -> None:
        """Reads all of them.

        Raises:
            LeadOddsError: the file or a map cannot be used, or others can read the file.
        """
        self._path = path
        self._lock = threading.Lock()
        self._file, self._maps, self._stamps = self._read()

    def crm(self, name: str) -> CrmSetup:
        """Gives what is set up of a CRM."""
        self._follow()
        found: CrmSetup = getattr(self._file, name)
        return found

    def map_of(self, name: str) -> HookMap:
        """Gives the map of a CRM."""
        self._follow()
        return self._maps[name]

    def _follow(self) -> None:
        with self._lock:
            if self._stamps == {path: _stamp(path) for path in self._stamps}:
                return
            try:
                self._file, self._maps, self._stamps = self._read()
            except LeadOddsError as error:
                self._stamps = {path: _stamp(path) for path in self._stamps}
                _LOG.error("the hooks stay as they were: %s", error)

    def _read(self) -> tuple[HooksFile, dict[str, HookMap], dict[Path, Any]]:
        stamps = {self._path: _stamp(self._path)}
        file = _read_file(self._path)
        maps = {}
        for crm in CRMS:
            own: Path | None = getattr(file, crm).map
            path = None if own is None else self._path.parent / own
            if path is not None:
                stamps[path] = _stamp(path)
            maps[crm] = read_hook_map(crm, path)
        return file, maps, stamps


def _read_file(path: Path) -> HooksFile:
    try:
        if not path.exists():
            return HooksFile()
        if os.name == "posix" and path.stat().st_mode & 0o077:
            raise HooksFileError(path, fault="others can read it; let its owner alone: chmod 600")
        return HooksFile.model_validate(tomllib.loads(path.read_text("utf-8-sig")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise HooksFileError(path, fault=str(error)) from None
    except ValidationError as error:
        raise HooksFileError(path, fault="; ".join(worded_faults(error)).rstrip(".")) from None


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
