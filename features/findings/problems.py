"""The problems found in a history while it is read."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from features.errors import LeadOddsError
from features.findings.codes import CODES, Stops

IDS_SHOWN: Final = 5
_TABLES: Final = ("", "leads", "interactions", "outcomes", "attribute_changes")


@dataclass(frozen=True, slots=True)
class Problem:
    """Something found.

    Attributes:
        code: number in `CODES`.
        stops: what cannot be done because of it, None if it is only reported.
        table: the table, empty for the whole history.
        column: the column, empty for the whole table.
        count: how many rows, leads or columns it concerns.
        ids: up to five of them, in rising order.
        sentence: what is wrong.
        remedy: what to do.
    """

    code: str
    stops: Stops | None
    table: str
    column: str
    count: int
    ids: tuple[str, ...]
    sentence: str
    remedy: str

    def __str__(self) -> str:
        """The line a person reads."""
        more = ", ..." if self.count > len(self.ids) else ""
        ids = f" ({', '.join(self.ids)}{more})" if self.ids else ""
        return f"{self.code} {self.sentence[:-1]}{ids}. {self.remedy}"


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a whole table or source.

    Attributes:
        code: number in `CODES`.
        facts: what the sentence of the code names.
    """

    code: str
    facts: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found, before it is a sentence: what partitions of a history found can be added up.

    Attributes:
        code: see `Problem`; likewise `table`, `column`, `count` and `ids`.
        facts: what else the sentence of the code names, sorted by name.
    """

    code: str
    table: str
    column: str
    count: int
    ids: tuple[str, ...]
    facts: tuple[tuple[str, str], ...]

    @property
    def stops(self) -> Stops | None:
        """What cannot be done because of it."""
        return CODES[self.code].stops

    def is_like(self, other: Finding) -> bool:
        """Whether only rows and ids differ."""
        mine, theirs = ((one.code, one.table, one.column, one.facts) for one in (self, other))
        return mine == theirs

    def joined(self, other: Finding) -> Finding:
        """Adds what another partition found of the same."""
        return replace(self, count=self.count + other.count, ids=_first_ids([*self.ids, *other.ids]))

    def problem(self) -> Problem:
        """Makes it a sentence."""
        told = CODES[self.code]
        facts = {**dict(self.facts), "table": self.table, "column": self.column}
        facts |= {"are": "is" if self.count == 1 else "are"}
        facts |= {noun + "s": _counted(self.count, noun) for noun in ("row", "lead", "conversion")}
        return Problem(
            code=self.code,
            stops=told.stops,
            table=self.table,
            column=self.column,
            count=self.count,
            ids=self.ids,
            sentence=told.sentence.format(**facts),
            remedy=told.remedy.format(**facts),
        )


class Findings:
    """Collects what is found while a history is read."""

    def __init__(self, found: Iterable[Finding] = ()) -> None:
        self._found = list(found)

    def add(
        self,
        code: str,
        *,
        table: str = "",
        column: str = "",
        count: int = 1,
        ids: Iterable[str] = (),
        **facts: str,
    ) -> None:
        """Adds a problem.

        Args:
            code: number in `CODES`.
            table: the table, if it concerns one.
            column: the column, if it concerns one.
            count: how many rows, leads or columns.
            ids: any number of them; the first five in rising order are kept, whatever the order of rows.
            facts: what else the sentence of the code names.
        """
        told = tuple(sorted(facts.items()))
        self._found.append(Finding(code, table, column, count, _first_ids(ids), told))

    def add_fault(self, fault: Fault, *, table: str = "") -> None:
        """Adds what is wrong with a whole table, or with the source."""
        self._found.append(Finding(fault.code, table, "", 1, (), tuple(sorted(fault.facts.items()))))

    def absorb(self, found: Iterable[Finding]) -> None:
        """Adds what was found in one more partition: rows and ids of the same problem are put together."""
        for finding in found:
            alike = next((place for place, one in enumerate(self._found) if one.is_like(finding)), None)
            if alike is None:
                self._found.append(finding)
            else:
                self._found[alike] = self._found[alike].joined(finding)

    def found(self) -> tuple[Finding, ...]:
        """All of them, as they were added."""
        return tuple(self._found)

    def stop(self, table: str | None = None) -> bool:
        """Tells whether something was found, in this table or anywhere, that stops everything."""
        return any(one.stops == "everything" and table in (None, one.table) for one in self._found)

    def problems(self) -> tuple[Problem, ...]:
        """All of them, by code, table and column."""
        problems = [finding.problem() for finding in self._found]
        return tuple(sorted(problems, key=lambda one: (one.code, _TABLES.index(one.table), one.column)))

    def stopping(self) -> tuple[Problem, ...]:
        """Those that stop everything, in the same order."""
        return tuple(problem for problem in self.problems() if problem.stops == "everything")


def _first_ids(ids: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(ids))[:IDS_SHOWN])


def accept(problems: Iterable[Problem], codes: Collection[str]) -> tuple[Problem, ...]:
    """Lets problems that a person answers for stop nothing; they are still told."""
    return tuple(replace(each, stops=None) if each.code in codes else each for each in problems)


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


class HistoryError(LeadOddsError):
    """A history that cannot be used for what it was read for; `problems` says why, one a line."""

    def __init__(self, source: str, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        lines = "\n".join(f"  {problem}" for problem in self.problems)
        super().__init__(f"The history {source} cannot be used:\n{lines}")
