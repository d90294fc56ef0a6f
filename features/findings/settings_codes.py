"""The codes of faults that the settings of a history, `history.toml`, explain or mend."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from features.findings.code import Code

SETTINGS_CODES: Final[Mapping[str, Code]] = MappingProxyType(
    {
        "D060": Code(
            title="attributes known only as of the export",
            stops=None,
            sentence="leads has attributes known only as of the export, which no model uses: {columns}.",
            remedy="They may have been filled in after the sale. Add their changes with times; or, where one "
            'never changes after the creation of a lead, write known = "creation" for it in history.toml.',
            example='known = "export" for revenue in history.toml',
        ),
    }
)
