"""The codes of faults that the settings of a history, `history.toml`, explain or mend."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from features.findings.code import Code

SETTINGS_CODES: Final[Mapping[str, Code]] = MappingProxyType(
    {
        "D105": Code(
            title="attributes known only as of the export",
            stops=None,
            sentence="leads has attributes known only as of the export, which no model uses: {columns}.",
            remedy="They may have been filled in after the sale. Add their changes with times; or, where one "
            'never changes after the creation of a lead, write known = "creation" for it in history.toml.',
            example='known = "export" for revenue in history.toml',
        ),
        "D106": Code(
            title="an attribute that looks like personal data",
            stops=None,
            sentence="leads.{column} looks like {what}, so no feature is made of it.",
            remedy='Write use = "display" for it in history.toml to show it beside a lead, or use = '
            '"feature" to allow it.',
            example="a column of e-mail addresses; a free text for every lead",
        ),
        "D109": Code(
            title="numbers written as texts",
            stops=None,
            sentence="leads.{column} is a column of texts that read like numbers{such}; it counts as a "
            "category.",
            remedy="Write numbers, or say in history.toml how they are written: {line}, or {other}. Nothing "
            "is to be done where they are codes.",
            example='prices as "1,234.50" in a Parquet file or a database',
        ),
        "D017": Code(
            title="order of day and month unknown",
            stops="everything",
            sentence="{table}.{column} {fault}.",
            remedy="Say in history.toml how the whole column is written: {line}, or {other}.",
            example="03/04/2016 and no date with a day above 12; 20/10/2016 beside 10/20/2016",
        ),
        "D018": Code(
            title="decimal mark unknown",
            stops="everything",
            sentence="{table}.{column} {fault}.",
            remedy="Say in history.toml how the whole column is written: {line}, or {other}.",
            example="4,088 and no number such as 4,088.50 or 12,5 in the column; 12.5 where the model has "
            "learnt from decimal commas",
        ),
    }
)
