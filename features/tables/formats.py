"""How the columns of the tables are written: stated in the settings of a history, else told by all cells."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from features.findings.problems import Findings
from features.history.personal_names import names_people
from features.history.settings import NUMBER_FORMATS, Format, HistorySettings, stated_line
from features.parsing.marks import NO_MARKS, Decision, Marks, decide
from features.parsing.text_columns import is_text
from features.parsing.written_numbers import number_marks
from features.parsing.written_times import ORDERS, look_like_times, time_marks
from features.tables.schema import NUMBER_COLUMNS, TIME_COLUMNS

# Cells that are shown: digits and what stands between them, too short for the number of a person.
_SHOWN: Final = r"^[\d\s/.,:;'’TZ+$€£%()-]+(?:[AaPp]\.?[Mm]\.?)?$"
_MOST_DIGITS: Final = 9
_MOST_LETTERS: Final = 24


def marks_of_rows(table: str, rows: pa.Table) -> dict[str, Marks]:
    """Finds what some rows of a table tell about how its times and numbers are written, by column."""
    marks = {}
    for columns, find in ((NUMBER_COLUMNS, number_marks), (TIME_COLUMNS, time_marks)):
        for column in columns.get(table, ()):
            # A column that is there twice is reported when the table is opened.
            texts = texts_of(rows[column]) if rows.column_names.count(column) == 1 else None
            if texts is not None:
                marks[column] = find(texts)
    return {column: found for column, found in marks.items() if found != NO_MARKS}


def decide_columns(
    table: str, marks: Mapping[str, Marks], settings: HistorySettings, findings: Findings
) -> HistorySettings:
    """Decides how columns are written from the marks of all their cells.

    Returns:
        The settings with what was decided, by which every part of the table is read alike.
    """
    decided = {
        column: decide_column(table, column, found, settings.format_of(table, column), findings).format
        for column, found in sorted(marks.items())
    }
    return settings.with_formats({table: {column: each for column, each in decided.items() if each}})


def decide_column(
    table: str, column: str, marks: Marks, stated: Format | None, findings: Findings
) -> Decision:
    """Decides how one column is written, and reports one that cannot be decided or contradicts itself."""
    is_time = column in TIME_COLUMNS.get(table, ())
    ways: tuple[Format, Format] = ORDERS if is_time else NUMBER_FORMATS
    decision = decide(marks, ways, stated)
    if decision.fault:
        findings.add(
            "D017" if is_time else "D018",
            table=table,
            column=column,
            fault=_fault(column, decision, is_time=is_time),
            line=stated_line(table, column, ways[0]),
            other=f'"{ways[1]}"',
        )
    return decision


def _fault(column: str, decision: Decision, *, is_time: bool) -> str:
    cell, other = (_shape(text) if names_people(column) else text for text in (decision.cell, decision.other))
    if decision.fault == "undecided" and is_time:
        return f'is written like "{cell}", which does not tell the day from the month'
    if decision.fault == "undecided":
        return f'is written like "{cell}", whose mark may group digits or begin decimals'
    if other:
        return f'has both "{cell}" and "{other}", which are not of one format'
    return (
        f'has "{cell}", which is not of the format "{decision.format}" that history.toml or the model states'
    )


def cell_to_show(column: str, texts: pa.ChunkedArray, *, is_time: bool = False) -> str:
    """Chooses a faulty cell that a message may show: the least of digits alone; empty where there is none.

    Args:
        column: name of the column; nothing is shown of one that names people.
        texts: the faulty cells.
        is_time: whether the column holds times: then a cell that looks like one may be shown too.
    """
    if names_people(column) or not len(texts):
        return ""
    like_times = look_like_times(texts) if is_time else texts.slice(0, 0)
    if len(like_times):
        return str(pc.min(like_times).as_py()).strip()
    short = texts.filter(pc.less_equal(pc.utf8_length(texts), _MOST_LETTERS))
    cells = short.filter(pc.match_substring_regex(short, _SHOWN)).unique().to_pylist()
    return min((cell for cell in cells if 0 < len(re.sub(r"\D", "", cell)) <= _MOST_DIGITS), default="")


def _shape(text: str) -> str:
    return re.sub(r"\d", "9", text)


def texts_of(column: pa.ChunkedArray) -> pa.ChunkedArray | None:
    """Gives the cells of a column of texts; None for another type."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    return column if is_text(column.type) else None
