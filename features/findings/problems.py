"""Findings about a history, which can be merged over partitions, and the problems that word them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from features.errors import LeadOddsError
from features.findings.code import Stops
from features.findings.codes import CODES

IDS_SHOWN: Final = 5
_TABLES: Final = ("", "leads", "interactions", "outcomes", "attribute_changes", "lead_aliases")


@dataclass(frozen=True, slots=True)
class Problem:
    """A finding in words, for people and machines.

    Attributes:
        code: number in `CODES`.
        stops: what cannot be done with the history; None where the problem is only reported.
        table: name of the table, empty for the whole history.
        column: name of the column, empty for the whole table.
        count: number of rows, leads or columns concerned.
        ids: up to five ids of leads, rising.
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
        """The line that people read."""
        more = ", ..." if self.count > len(self.ids) else ""
        ids = f" ({', '.join(self.ids)}{more})" if self.ids else ""
        return f"{self.code} {self.sentence[:-1]}{ids}. {self.remedy}"


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault found, not yet worded: equal findings of several partitions are added up.

    Attributes:
        code: see `Problem`; likewise `table`, `column`, `count` and `ids`.
        facts: further facts that the sentence of the code names, sorted by name.
        cell: a cell that is shown, the least of those concerned; empty: none is.
    """

    code: str
    table: str
    column: str
    count: int
    ids: tuple[str, ...]
    facts: tuple[tuple[str, str], ...]
    cell: str = ""

    @classmethod
    def of(
        cls,
        code: str,
        *,
        table: str = "",
        column: str = "",
        count: int = 1,
        ids: Iterable[str] = (),
        cell: str = "",
        **facts: str,
    ) -> Finding:
        """Builds a finding.

        Args:
            code: number in `CODES`.
            table: name of the table, if it concerns one.
            column: name of the column, if it concerns one.
            count: number of rows, leads or columns concerned.
            ids: any number of ids; the first five in rising order are kept, whatever the order of rows.
            cell: a cell that is shown.
            facts: further facts that the sentence of the code names.
        """
        return cls(code, table, column, count, _first_ids(ids), tuple(sorted(facts.items())), cell)

    @property
    def stops(self) -> Stops | None:
        """What cannot be done with the history."""
        return CODES[self.code].stops

    def is_like(self, other: Finding) -> bool:
        """Tells whether two findings differ in count and ids only."""
        mine, theirs = (
            (finding.code, finding.table, finding.column, finding.facts) for finding in (self, other)
        )
        return mine == theirs

    def merged(self, other: Finding) -> Finding:
        """Adds the count and ids of a like finding."""
        cell = min(filter(None, (self.cell, other.cell)), default="")
        ids = _first_ids([*self.ids, *other.ids])
        return replace(self, count=self.count + other.count, ids=ids, cell=cell)

    def problem(self) -> Problem:
        """Words the finding."""
        code = CODES[self.code]
        facts = {**dict(self.facts), "table": self.table, "column": self.column}
        facts |= {"such": f', such as "{self.cell}"' if self.cell else ""}
        facts |= {"are": "is" if self.count == 1 else "are"}
        facts |= {noun + "s": _counted(self.count, noun) for noun in ("row", "lead", "conversion")}
        return Problem(
            code=self.code,
            stops=code.stops,
            table=self.table,
            column=self.column,
            count=self.count,
            ids=self.ids,
            sentence=code.sentence.format(**facts),
            remedy=code.remedy.format(**facts),
        )


class Findings:
    """Collects findings while a history is read and checked."""

    def __init__(self, findings: Iterable[Finding] = ()) -> None:
        self._findings = list(findings)

    def add(
        self,
        code: str,
        *,
        table: str = "",
        column: str = "",
        count: int = 1,
        ids: Iterable[str] = (),
        cell: str = "",
        **facts: str,
    ) -> None:
        """Adds a new finding; the arguments are those of `Finding.of`."""
        self._findings.append(
            Finding.of(code, table=table, column=column, count=count, ids=ids, cell=cell, **facts)
        )

    def append(self, finding: Finding, *, table: str = "") -> None:
        """Adds a finding about a whole table, or about the source."""
        self._findings.append(replace(finding, table=table))

    def absorb(self, findings: Iterable[Finding]) -> None:
        """Adds the findings of one more partition: counts and ids of like findings are merged."""
        for finding in findings:
            alike = next((i for i, known in enumerate(self._findings) if known.is_like(finding)), None)
            if alike is None:
                self._findings.append(finding)
            else:
                self._findings[alike] = self._findings[alike].merged(finding)

    def found(self) -> tuple[Finding, ...]:
        """Gives all findings in the order in which they were added."""
        return tuple(self._findings)

    def stop(self, table: str | None = None) -> bool:
        """Tells whether a finding, of this table or of any, stops everything."""
        return any(
            finding.stops == "everything" and table in (None, finding.table) for finding in self._findings
        )

    def problems(self) -> tuple[Problem, ...]:
        """Gives all findings in words, by code, table and column."""
        problems = [finding.problem() for finding in self._findings]
        return tuple(sorted(problems, key=lambda each: (each.code, _TABLES.index(each.table), each.column)))

    def stopping(self) -> tuple[Problem, ...]:
        """Gives the problems that stop everything, in the same order."""
        return tuple(problem for problem in self.problems() if problem.stops == "everything")


def _first_ids(ids: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(ids))[:IDS_SHOWN])


def accept(problems: Iterable[Problem], codes: Collection[str]) -> tuple[Problem, ...]:
    """Makes accepted problems stop nothing; they are still reported."""
    return tuple(replace(each, stops=None) if each.code in codes else each for each in problems)


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


class HistoryError(LeadOddsError):
    """A history that cannot be used for its purpose; `problems` lists the reasons, one per line."""

    def __init__(self, source: str, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        lines = "\n".join(f"  {problem}" for problem in self.problems)
        super().__init__(f"The history {source} cannot be used:\n{lines}")
