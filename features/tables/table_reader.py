"""The tables of a history as they were read, and reading of their columns with findings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
import pyarrow as pa

from features.findings.problems import Findings
from features.history.lead_history import Bools, Floats, Ints
from features.history.settings import Format, HistorySettings
from features.history.text_rule import TextRule
from features.parsing.attribute_values import values_of_texts
from features.parsing.marks import Decision, Marks
from features.parsing.number_columns import are_plain, as_numbers
from features.parsing.text_columns import Texts, as_texts, type_name
from features.parsing.time_columns import NO_TIME, Times, as_times
from features.parsing.written_numbers import number_marks
from features.parsing.written_times import time_marks
from features.tables.formats import cell_to_show, decide_column, texts_of
from features.tables.near_names import as_candidates, shown_name
from features.tables.schema import NEEDED, OPTIONAL, REQUIRED

INTERACTIONS: Final = "interactions"


@dataclass(frozen=True, slots=True)
class RawTables:
    """Tables as they were read.

    Attributes:
        tables: by name; the columns that are used, and all columns of `leads`.
        is_typed: whether the columns have types; else all columns are text and types are inferred from it.
        types_are_of_cells: whether a column has the type of its cells, so that other cells may have another.
        names: by table, names of all its columns in their order, where some of them were not read.
        duplicates: positions of rows of `interactions` that duplicate a row of another partition; such rows
            do not count.
        settings: settings by which the tables are read.
    """

    tables: Mapping[str, pa.Table]
    is_typed: bool = True
    types_are_of_cells: bool = False
    names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    duplicates: Ints | None = None
    settings: HistorySettings = field(default_factory=HistorySettings)

    @property
    def text_rule(self) -> TextRule:
        """Rule by which cells become texts."""
        return self.settings.text_rule


@dataclass(frozen=True, slots=True)
class Rows:
    """One table while it is read: findings are reported with the ids of the leads concerned.

    `decided` collects how columns are written where their cells decide it, by table and column.
    """

    table: str
    columns: pa.Table
    lead: Texts
    findings: Findings
    settings: HistorySettings = field(default_factory=HistorySettings)
    decided: dict[str, dict[str, Format]] = field(default_factory=dict)

    @property
    def text_rule(self) -> TextRule:
        """Rule by which cells become texts."""
        return self.settings.text_rule

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.lead.codes)

    @property
    def is_sound(self) -> bool:
        """Whether no finding so far stops everything; else the values read cannot be used."""
        return not self.findings.stop(self.table)

    def texts(self, column: str) -> Texts:
        """Reads texts; all missing where the column is absent or a finding stops everything."""
        if column in self.columns.column_names:
            texts = as_texts(self.columns[column], self.text_rule)
            if texts is not None:
                return texts
            self._other_type(column, "text")
        return Texts(np.full(len(self), -1, np.int32), pa.array([], pa.string()))

    def times(self, column: str) -> Ints:
        """Reads microseconds UTC; NO_TIME where missing, or where a finding stops everything."""
        return self.times_and_days(column)[0]

    def times_and_days(self, column: str) -> tuple[Ints, Bools]:
        """Reads microseconds UTC, as `times`, and tells which cells are a day, which counts at its end."""
        if column in self.columns.column_names:
            times = self._times(column)
            if times is not None:
                return times.us, times.is_day
            self._other_type(column, "a time with a zone")
        return np.full(len(self), NO_TIME), np.zeros(len(self), np.bool_)

    def _times(self, column: str) -> Times | None:
        cells = self.columns[column]
        format_ = self.settings.format_of(self.table, column)
        texts, is_sure = texts_of(cells), True
        if texts is not None:
            decision = self._decide(self.table, column, time_marks(texts), format_)
            format_, is_sure = format_ or decision.format, not decision.fault
        times = as_times(cells, self.text_rule, format_=format_, zone=self.settings.zone)
        # Where the order of day and month is not sure, nothing is said of single cells.
        if times is not None and is_sure:
            self.report("D009", times.naive, column=column)
            shown = self._shown(column, times.faulty, is_time=True)
            self.report("D010", times.faulty, column=column, cell=shown)
        return times

    def number_format(self, column: str, texts: pa.Array, *, table: str = "") -> Format | None:
        """Finds how the numbers of a column are written; reports where it cannot be told.

        Args:
            column: the column, or the attribute.
            texts: its cells, null where missing.
            table: table of the column in the settings; empty: this table.
        """
        table = table or self.table
        format_ = self.settings.format_of(table, column) or self.decided.get(table, {}).get(column)
        if self.text_rule.number == 1 or (format_ is None and are_plain(texts)):
            return format_
        return self._decide(table, column, number_marks(texts), format_).format

    def _decide(self, table: str, column: str, marks: Marks, stated: Format | None) -> Decision:
        decision = decide_column(table, column, marks, stated, self.findings)
        if stated is None and decision.format is not None:
            self.decided.setdefault(table, {})[column] = decision.format
        return decision

    def numbers(self, column: str) -> Floats:
        """Reads numbers; NaN where missing, infinite or not a number."""
        if column in self.columns.column_names:
            cells = self.columns[column]
            texts = as_texts(cells, self.text_rule) if texts_of(cells) is not None else None
            format_ = None if texts is None else self.number_format(column, texts.values)
            numbers = as_numbers(cells, self.text_rule, format_)
            if numbers is not None:
                return self.finite(column, *numbers)
            self._other_type(column, "a number")
        return np.full(len(self), np.nan)

    def booleans(self, column: str) -> Floats | None:
        """Reads 1 and 0; NaN where missing or neither, which is reported. None where nothing is said."""
        if column not in self.columns.column_names or not (texts := self.texts(column)).values:
            return None
        values, _, is_faulty = values_of_texts(texts, "boolean", self.text_rule)
        shown = self._shown(column, is_faulty)
        self.report("D031", is_faulty, column=column, expected="boolean", cell=shown)
        return values

    def finite(self, column: str, values: Floats, is_faulty: Bools) -> Floats:
        """Reports cells that are infinite or not a number, and makes them missing."""
        self.report("D031", is_faulty, column=column, expected="number", cell=self._shown(column, is_faulty))
        is_infinite = np.isinf(values)
        self.report("D030", is_infinite, column=column)
        return np.where(is_infinite, np.nan, values) if is_infinite.any() else values

    def _shown(self, column: str, is_faulty: Bools, *, is_time: bool = False) -> str:
        """Chooses a faulty cell that a message shows; empty where there is none."""
        if not is_faulty.any() or column not in self.columns.column_names:
            return ""
        texts = texts_of(self.columns[column].filter(pa.array(is_faulty)))
        return "" if texts is None else cell_to_show(column, texts, is_time=is_time)

    def report(self, code: str, is_concerned: Bools, *, column: str = "", **facts: str) -> None:
        """Reports the rows concerned, if any, with the ids of their leads."""
        self.report_at(code, np.flatnonzero(is_concerned), column=column, **facts)

    def report_at(self, code: str, rows: Ints, *, column: str = "", **facts: str) -> None:
        """Reports rows given by their positions, if any."""
        if len(rows):
            codes = np.unique(self.lead.codes[rows])
            ids = self.lead.values.take(pa.array(codes[codes >= 0])).to_pylist()
            self.findings.add(code, table=self.table, column=column, count=len(rows), ids=ids, **facts)

    def _other_type(self, column: str, expected: str) -> None:
        present = type_name(self.columns[column].type)
        self.findings.add("D008", table=self.table, column=column, present=present, expected=expected)


def open_rows(
    raw: RawTables, table: str, findings: Findings, decided: dict[str, dict[str, Format]] | None = None
) -> Rows:
    """Opens a table for reading and reports columns that are missing, duplicate or not used.

    Args:
        raw: the tables.
        table: name of the table.
        findings: collects what is wrong.
        decided: collects how columns are written; see `Rows`.
    """
    columns = raw.tables[table]
    names = columns.column_names
    _report_names(table, names, raw.names.get(table, tuple(names)), findings)
    for name in sorted({name for name in names if names.count(name) > 1}):
        findings.add("D007", table=table, column=shown_name(name))
        columns = columns.select([i for i, other in enumerate(columns.column_names) if other != name])
    no_leads = Texts(np.full(columns.num_rows, -1, np.int32), pa.array([], pa.string()))
    rows = Rows(table, columns, no_leads, findings, raw.settings, {} if decided is None else decided)
    return replace(rows, lead=rows.texts("lead_id"))


def report_missing_table(findings: Findings, table: str, present: Mapping[str, str]) -> None:
    """Reports a table without which there is no history, and which one may be meant.

    Args:
        findings: collects what is wrong.
        table: the table.
        present: what is there instead: names for people by name.
    """
    if table in NEEDED:
        near = as_candidates([table], present, are_synonyms_known=False)
        findings.add("D002", table=table, near=near)


def _report_names(table: str, read: Sequence[str], present: Sequence[str], findings: Findings) -> None:
    """Reports the columns that are missing, once for the table; else those that are not used."""
    unused = [name for name in present if name not in read]
    if missing := [name for name in REQUIRED[table] if name not in read]:
        findings.add(
            "D006",
            table=table,
            column=missing[0] if len(missing) == 1 else "",
            count=len(missing),
            missing=_listed(missing, last=" and "),
            present=_listed(present) or "no columns",
            renamed=("the column" if len(missing) == 1 else "the columns")
            + as_candidates(missing, {name: name for name in present if name not in REQUIRED[table]}),
        )
    elif unused:
        optional = [name for name in OPTIONAL[table] if name not in read]
        near = as_candidates(optional, {name: name for name in unused}, are_synonyms_known=False)
        findings.add("D036", table=table, count=len(unused), columns=_listed(unused), near=near)


def _listed(names: Sequence[str], *, last: str = ", ") -> str:
    shown = [*map(shown_name, names)]
    return last.join([", ".join(shown[:-1]), shown[-1]]) if len(shown) > 1 else "".join(shown)


def usable_rows(rows: Rows, lead: Ints, is_empty: Mapping[str, Bools]) -> Ints:
    """Finds the rows that can be used, and reports the other rows.

    Args:
        rows: a table other than `leads`.
        lead: (rows,) row of the lead, -1 where it is unknown.
        is_empty: by required column, (rows,) whether its cell is empty.

    Returns:
        Positions of the rows with all required cells and a known lead, rising.
    """
    empty = {"lead_id": rows.lead.codes < 0} | dict(is_empty)
    for column, concerned in empty.items():
        rows.report("D020", concerned, column=column)
    rows.report("D021", (lead < 0) & (rows.lead.codes >= 0), column="lead_id")
    return np.flatnonzero((lead >= 0) & ~np.logical_or.reduce(list(empty.values())))


def known_from(rows: Rows, occurred_at: Ints, available_at: Ints, usable: Ints, is_day: Bools) -> Ints:
    """Finds when each row became known: never before `occurred_at`; reports rows that say so.

    A row of which only the day is known (`is_day`) may have been known on that day: nothing is reported.
    """
    is_early = (available_at != NO_TIME) & (available_at < occurred_at)
    if (is_early & is_day).any():
        is_early[is_day] &= available_at[is_day] < starts_of(occurred_at[is_day], rows.settings)
    rows.report_at("D024", usable[is_early[usable]], column="available_at")
    return np.maximum(available_at, occurred_at)


def starts_of(ends: Ints, settings: HistorySettings) -> Ints:
    """Gives the first microsecond of days given by their last."""
    # Imported here: a server, which reads times with a zone only, does not need it.
    from features.parsing.zones import starts_of_days

    return starts_of_days(ends, settings.zone or "UTC")


def pick_columns(table: str, names: Sequence[str]) -> list[str]:
    """Picks the columns that are used, in their order; `leads` uses all that have a name."""
    used = {*REQUIRED[table], *OPTIONAL[table]}
    return [name for name in names if name and (table == "leads" or name in used)]
