"""SQL that reads cells as texts, times and truths, by the type of their column."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from features.history.text_rule import TextRule
from features.imports.format.values import DATE_FORMAT, EPOCH_FORMATS, EXCEL_FORMAT
from features.imports.reading.plain_cells import (
    EARLIEST,
    FALSE,
    FIRST_EPOCH,
    LAST_EPOCH,
    LAST_EXCEL_DAY,
    LATEST,
    TRUE,
)
from features.imports.session import literal, quoted

_WHOLE: Final = (
    "TINYINT",
    "SMALLINT",
    "INTEGER",
    "BIGINT",
    "HUGEINT",
    "UTINYINT",
    "USMALLINT",
    "UINTEGER",
    "UBIGINT",
)
_FLOATS: Final = ("FLOAT", "DOUBLE")
_ZONED: Final = "TIMESTAMP WITH TIME ZONE"
_EXACT_FLOATS: Final = "9007199254740992"
_EARLIEST, _LATEST = (f"TIMESTAMPTZ '{instant}'" for instant in (EARLIEST, LATEST))
_CLOCK: Final = r"[0-9]{1,2}:[0-9]{2}(:[0-9]{2}([.,][0-9]+)?)?"
# What is replaced in times of half a day, and in those of ISO 8601.
_AROUND_HALVES: Final = ((r"[\x{00a0}\x{202f}]", " "), (r"([AaPp])\.[ ]?([Mm])\.?", r"\1\2"))
_AROUND_ZONES: Final = (
    (r" ([+-][0-9]{2}(?::?[0-9]{2})?)", r"\1"),
    (r"(Z|[+-][0-9]{2}:?[0-9]{2}) ?(\[[A-Za-z_/+-]+\]|UTC)$", r"\1"),
)
# Parts of a pattern that give a time of day.
_TIMES_OF_DAY: Final = ("%H", "%I", "%X", "%c", "%s", "%-H", "%-I")


def is_number(kind: str) -> bool:
    """Tells whether a column of a type of DuckDB holds numbers."""
    return kind in (*_WHOLE, *_FLOATS) or (kind.startswith("DECIMAL") and kind.endswith(")"))


def text_of(cell: str, kind: str, rule: TextRule) -> str:
    """Writes a cell as the text of an id or category, NULL where it is missing.

    Args:
        cell: SQL of the cell.
        kind: type of the cell.
        rule: names the spellings of missing cells.
    """
    if kind == "JSON":
        cell, kind = f"({cell} ->> '$')", "VARCHAR"
    if kind in _FLOATS:
        is_whole = f"{cell} = trunc({cell}) AND abs({cell}) < {_EXACT_FLOATS}"
        text = (
            f"CASE WHEN isnan({cell}) THEN NULL WHEN {is_whole} THEN CAST(CAST({cell} AS BIGINT) AS VARCHAR) "
        )
        return f"{text} ELSE CAST({cell} AS VARCHAR) END"
    if kind.startswith("DECIMAL"):
        whole = f"CAST(CAST({cell} AS HUGEINT) AS VARCHAR)"
        return f"CASE WHEN {cell} = trunc({cell}) THEN {whole} ELSE CAST({cell} AS VARCHAR) END"
    if kind != "VARCHAR":
        return f"CAST({cell} AS VARCHAR)"
    return f"CASE WHEN {cell} IN ({_listed(rule.spellings)}) THEN NULL ELSE {cell} END"


def looked_up(text: str, values: Mapping[str, str], default: str | None) -> str:
    """Looks a text up; NULL where neither the table nor a default has it."""
    cases = " ".join(f"WHEN {literal(key)} THEN {literal(meaning)}" for key, meaning in values.items())
    otherwise = (
        "NULL" if default is None else f"CASE WHEN {text} IS NULL THEN NULL ELSE {literal(default)} END"
    )
    return f"CASE {text} {cases} ELSE {otherwise} END" if cases else otherwise


def truth_of(cell: str, kind: str, rule: TextRule) -> str:
    """Reads a cell as true or false; NULL where it is neither."""
    if kind == "BOOLEAN":
        return cell
    text = f"lower({text_of(cell, kind, rule)})"
    return f"CASE WHEN {text} IN ({_listed(TRUE)}) THEN true WHEN {text} IN ({_listed(FALSE)}) THEN false END"


class TimeStages(NamedTuple):
    """A cell on its way to an instant: SQL of three steps, each over the columns of the one before.

    Attributes:
        cell: the cell without spellings of a missing one, NULL where it is missing.
        zoned: the instant, where the cell carries its zone.
        local: date and time of day, where it carries none.
        date: date without a time of day.
        at: the instant; the end of the day in its zone for a date.
        day: beginning of the day, for a date.
    """

    cell: str
    zoned: str
    local: str
    date: str
    at: str
    day: str


def time_stages(
    key: str, kind: str, rule: TextRule, *, formats: tuple[str, ...], zone: str | None
) -> TimeStages:
    """Reads a cell as an instant.

    Args:
        key: the key; the cell is in the column `= KEY`, the steps are in `KEY cell`, `KEY zoned` ...
        kind: type of the cell.
        rule: names the spellings of missing cells.
        formats: of the value; empty: ISO 8601, or seconds, milliseconds or microseconds since 1970.
        zone: of times that carry none; None: they give no instant.
    """
    own = quoted(f"= {key}")
    cell, zoned, local, date = (quoted(f"{key} {step}") for step in ("cell", "zoned", "local", "date"))
    if kind in ("VARCHAR", "JSON"):
        text = f"({own} ->> '$')" if kind == "JSON" else own
        is_missing = f"{text} IN ({_listed(rule.no_numbers)})"
        own = f"CASE WHEN {is_missing} THEN NULL ELSE {_plain_time(text, formats)} END"
        parts = _parts_of_text(cell, formats)
    else:
        parts = _parts_of_type(cell, kind, formats, zone)
    if zone is None:
        at, day = zoned, "NULL::TIMESTAMPTZ"
    else:
        end = f"timezone({literal(zone)}, {date} + INTERVAL 1 DAY) - INTERVAL 1 MICROSECOND"
        at = f"coalesce({zoned}, timezone({literal(zone)}, {local}), {end})"
        midnight = f"timezone({literal(zone)}, {date}::TIMESTAMP)"
        day = f"CASE WHEN {zoned} IS NULL AND {local} IS NULL THEN {midnight} END"
    bounded = f"CASE WHEN {at} BETWEEN {_EARLIEST} AND {_LATEST} THEN {at} END"
    return TimeStages(
        cell=own,
        zoned=parts[0] or "NULL::TIMESTAMPTZ",
        local=parts[1] or "NULL::TIMESTAMP",
        date=parts[2] or "NULL::DATE",
        at=bounded,
        day=day,
    )


def _plain_time(text: str, formats: tuple[str, ...]) -> str:
    """Takes from a time what says nothing: narrow spaces, dots of p.m., a zone named behind its offset."""
    pairs = (
        _AROUND_HALVES if any("%p" in pattern for pattern in formats) else () if formats else _AROUND_ZONES
    )
    for pattern, plain in pairs:
        text = f"regexp_replace({text}, {literal(pattern)}, {literal(plain)}, 'g')"
    return f"trim({text})"


def _parts_of_type(cell: str, kind: str, formats: tuple[str, ...], zone: str | None) -> tuple[str, str, str]:
    """Gives SQL of instant, local time and date of a cell that is no text; empty where there is none."""
    if formats == (EXCEL_FORMAT,) and is_number(kind):
        return _excel(f"CAST({cell} AS DOUBLE)")
    if kind == "DATE" or (formats == (DATE_FORMAT,) and kind.startswith("TIMESTAMP")):
        local = f"timezone({literal(zone or 'UTC')}, {cell})" if kind == _ZONED else cell
        return "", "", f"CAST({local} AS DATE)"
    if kind == _ZONED:
        return cell, "", ""
    if kind.startswith("TIMESTAMP"):
        return "", f"CAST({cell} AS TIMESTAMP)", ""
    if is_number(kind):
        return _epoch(f"CAST({cell} AS DOUBLE)", formats), "", ""
    return "", "", ""


def _parts_of_text(cell: str, formats: tuple[str, ...]) -> tuple[str, str, str]:
    """Gives SQL of instant, local time and date of a text; empty where there is none."""
    if any("%" in pattern for pattern in formats):
        return _parts_of_patterns(cell, formats)
    if formats == (DATE_FORMAT,):
        return "", "", f"TRY_CAST(left({cell}, 10) AS DATE)"
    if formats == (EXCEL_FORMAT,):
        return _excel(f"TRY_CAST({cell} AS DOUBLE)")
    if formats:
        return _epoch(f"TRY_CAST({cell} AS DOUBLE)", formats), "", ""
    is_zoned = rf"regexp_matches({cell}, ':[0-9.,]+ ?(Z|z|UTC|GMT|[+-][0-9]{{2}}(:?[0-9]{{2}})?)$')"
    is_day = rf"regexp_matches({cell}, '^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}$')"
    is_epoch = rf"regexp_matches({cell}, '^[0-9]{{9,17}}(\.[0-9]+)?$')"
    written = f"regexp_replace(replace({cell}, ',', '.'), ' ?(z|GMT)$', 'Z')"
    zoned = (
        f"CASE WHEN {is_zoned} THEN TRY_CAST({written} AS TIMESTAMPTZ) "
        f"WHEN {is_epoch} THEN {_epoch(f'TRY_CAST({cell} AS DOUBLE)', ())} END"
    )
    # Anything more, such as a zone by its letters, would be cut off without a word.
    is_local = rf"regexp_full_match({cell}, '[0-9]{{4}}[-/][0-9]{{1,2}}[-/][0-9]{{1,2}}[ T]{_CLOCK}')"
    local = f"CASE WHEN {is_local} THEN TRY_CAST(replace({cell}, ',', '.') AS TIMESTAMP) END"
    return zoned, local, f"CASE WHEN {is_day} THEN TRY_CAST({cell} AS DATE) END"


def _parts_of_patterns(cell: str, patterns: tuple[str, ...]) -> tuple[str, str, str]:
    parts: tuple[list[str], list[str], list[str]] = ([], [], [])
    for pattern in patterns:
        read = f"try_strptime({cell}, {literal(pattern)})"
        if "%z" in pattern or "%Z" in pattern:
            parts[0].append(read)
        elif any(part in pattern for part in _TIMES_OF_DAY):
            parts[1].append(read)
        else:
            parts[2].append(f"CAST({read} AS DATE)")
    zoned, local, date = (f"coalesce({', '.join(part)})" if part else "" for part in parts)
    return zoned, local, date


def _excel(number: str) -> tuple[str, str, str]:
    """Reads days since the end of 1899: whole ones are dates, others go to the second."""
    at = f"CASE WHEN {number} BETWEEN 1 AND {LAST_EXCEL_DAY} THEN {number} END"
    moment = f"TIMESTAMP '1899-12-30' + to_seconds(CAST(round({at} * 86400) AS BIGINT))"
    is_day = f"{number} = trunc({number})"
    return (
        "",
        f"CASE WHEN NOT ({is_day}) THEN {moment} END",
        f"CASE WHEN {is_day} THEN CAST({moment} AS DATE) END",
    )


def _epoch(number: str, formats: tuple[str, ...]) -> str:
    if formats and formats[0] in EPOCH_FORMATS:
        us = f"{number} * {EPOCH_FORMATS[formats[0]]}"
        return f"CASE WHEN abs({us}) < 1e17 THEN make_timestamptz(CAST(round({us}) AS BIGINT)) END"
    cases = " ".join(
        f"WHEN {number} * {scale} >= {FIRST_EPOCH} AND {number} * {scale} < {LAST_EPOCH} "
        f"THEN make_timestamptz(CAST(round({number} * {scale}) AS BIGINT))"
        for scale in (1_000_000, 1_000, 1)
    )
    return f"CASE {cases} END"


def _listed(texts: tuple[str, ...] | frozenset[str]) -> str:
    return ", ".join(map(literal, sorted(texts)))
