"""The problems found in a history while it is read."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from typing import Final

from features.codes import CODES, Stops

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


class Findings:
    """Collects what is found while a history is read."""

    def __init__(self) -> None:
        self._problems: list[Problem] = []

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
        told = CODES[code]
        facts |= {"table": table, "column": column, "are": "is" if count == 1 else "are"}
        facts |= {noun + "s": _counted(count, noun) for noun in ("row", "lead", "conversion")}
        problem = Problem(
            code=code,
            stops=told.stops,
            table=table,
            column=column,
            count=count,
            ids=tuple(sorted(set(ids))[:IDS_SHOWN]),
            sentence=told.sentence.format(**facts),
            remedy=told.remedy.format(**facts),
        )
        self._problems.append(problem)

    def stop(self, table: str | None = None) -> bool:
        """Tells whether something was found, in this table or anywhere, that stops everything."""
        return any(one.stops == "everything" and table in (None, one.table) for one in self._problems)

    def problems(self) -> tuple[Problem, ...]:
        """All of them, by code, table and column."""
        return tuple(sorted(self._problems, key=lambda one: (one.code, _TABLES.index(one.table), one.column)))


def accept(problems: Iterable[Problem], codes: Collection[str]) -> tuple[Problem, ...]:
    """Lets problems that a person answers for stop nothing; they are still told."""
    return tuple(replace(each, stops=None) if each.code in codes else each for each in problems)


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
