"""The report of an import: what was read, what was left out and why, and what can be learnt from the rest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import shorten
from typing import Any, Final

from features.imports.rows.reasons import REASONS
from features.times import format_time

PARTLY: Final = 3
_KINDS_SHOWN: Final = 12
_LONGEST_CONDITION: Final = 200


@dataclass(frozen=True, slots=True)
class BlockReport:
    """One block.

    Attributes:
        name: its name for people.
        source: its table at the source.
        rows_count: number of its rows.
        taken_count: number of those that are taken.
        counts: number of rows left out, by reason.
        meaningless: texts without a meaning, with their numbers.
        absent: keys of optional columns that the source lacks.
        where: the condition by which rows are chosen; empty where there is none.
    """

    name: str
    source: str
    rows_count: int
    taken_count: int
    counts: Mapping[str, int]
    meaningless: tuple[tuple[str, int], ...] = ()
    absent: tuple[str, ...] = ()
    where: str = ""

    def lines(self) -> Iterator[str]:
        """The lines that people read."""
        yield f"{self.name} from {self.source}: {_rows(self.rows_count)}, {self.taken_count:,} taken"
        yield from reason_lines(self.counts)
        if self.counts.get("where"):
            yield f"      where: {shorten(self.where, _LONGEST_CONDITION, placeholder=' ...')}"
        if self.meaningless:
            shown = ", ".join(f"{text} ({count:,})" for text, count in self.meaningless)
            yield f"      without a meaning: {shown}"
        if self.absent:
            yield f"      not at the source, left empty: {', '.join(self.absent)}"


def reason_lines(counts: Mapping[str, int]) -> Iterator[str]:
    """Writes a line for each reason."""
    for reason, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        if count:
            told = "refused" if REASONS[reason].is_refused else "left out"
            yield f"  {told} {_rows(count)}: {REASONS[reason].sentence}"


@dataclass(frozen=True, slots=True)
class ImportReport:
    """A finished import.

    Attributes:
        source: the source, without a password.
        out: the folder of the history.
        map_name: the map.
        exported_at: microseconds UTC.
        blocks: what became of each block.
        tables: number of rows of each table that was written.
        left_out: rows that no block left out but the whole, by table and reason.
        kinds: number of interactions by kind, the most frequent first.
        outcomes: number of outcomes by their text.
        first_at: first creation of a lead, microseconds UTC; None without leads.
        last_at: last moment of any row, likewise.
        notes: what a model can learn from it and what not, a sentence each.
        absent_tables: optional tables that the source lacks.
        repeated: columns that are there more than once and not read, by file.
        changes: what an appended export changed, by what.
    """

    source: str
    out: Path
    map_name: str
    exported_at: int
    blocks: tuple[BlockReport, ...]
    tables: Mapping[str, int]
    left_out: Mapping[str, Mapping[str, int]]
    kinds: Mapping[str, int]
    outcomes: Mapping[str, int]
    first_at: int | None
    last_at: int | None
    notes: tuple[str, ...]
    absent_tables: tuple[str, ...] = ()
    repeated: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    changes: Mapping[str, int] = field(default_factory=dict)

    @property
    def refused_count(self) -> int:
        """Number of rows that should have been taken, and could not be."""
        every = [*(block.counts for block in self.blocks), *self.left_out.values()]
        return sum(
            count for counts in every for reason, count in counts.items() if REASONS[reason].is_refused
        )

    @property
    def exit_code(self) -> int:
        """3 where rows were refused, else 0."""
        return PARTLY if self.refused_count else 0

    def summary(self) -> dict[str, Any]:
        """The report as one JSON object."""
        return {
            "source": self.source,
            "out": str(self.out),
            "map": self.map_name,
            "exported_at": format_time(self.exported_at),
            "tables": dict(self.tables),
            "kinds": dict(self.kinds),
            "outcomes": dict(self.outcomes),
            "first_at": None if self.first_at is None else format_time(self.first_at),
            "last_at": None if self.last_at is None else format_time(self.last_at),
            "refused": self.refused_count,
            "blocks": [
                {
                    "block": block.name,
                    "source": block.source,
                    "rows": block.rows_count,
                    "taken": block.taken_count,
                    "left_out": dict(block.counts),
                    "without_meaning": dict(block.meaningless),
                    "absent_columns": list(block.absent),
                }
                for block in self.blocks
            ],
            "left_out": {table: dict(counts) for table, counts in self.left_out.items()},
            "absent_tables": list(self.absent_tables),
            "repeated_columns": {place: list(names) for place, names in self.repeated.items()},
            "changes": dict(self.changes),
            "notes": list(self.notes),
        }

    def __str__(self) -> str:
        """The report for people."""
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        for block in self.blocks:
            yield from block.lines()
        for table, counts in self.left_out.items():
            if any(counts.values()):
                yield f"of the rows for {table}"
                yield from reason_lines(counts)
        if self.absent_tables:
            yield f"not at the source: {', '.join(self.absent_tables)}"
        for place, names in self.repeated.items():
            yield f"not read, because {place} has several of that name: {', '.join(names)}"
        for told, count in self.changes.items():
            yield f"{told}: {count:,}"
        yield ""
        yield from self._history()

    def _history(self) -> Iterator[str]:
        yield f"{self.out}: " + ", ".join(f"{count:,} {table}" for table, count in self.tables.items())
        if self.first_at is not None and self.last_at is not None:
            yield f"from {format_time(self.first_at)} to {format_time(self.last_at)}"
        if self.kinds:
            shown = list(self.kinds.items())[:_KINDS_SHOWN]
            more = ", ..." if len(self.kinds) > len(shown) else ""
            yield "kinds: " + ", ".join(f"{kind} {count:,}" for kind, count in shown) + more
        if self.outcomes:
            yield "outcomes: " + ", ".join(f"{text} {count:,}" for text, count in self.outcomes.items())
        yield from self.notes
        # Last, where it is seen: it may be why there are no outcomes.
        for name, counts in [*((each.name, each.counts) for each in self.blocks), *self.left_out.items()]:
            for reason, count in counts.items():
                if count and REASONS[reason].is_refused:
                    told = f"{_rows(count)} of {name}, {REASONS[reason].sentence}"
                    yield f"Refused, though it should count: {told}."


def _rows(count: int) -> str:
    return f"{count:,} row{'' if count == 1 else 's'}"
