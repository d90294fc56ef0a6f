"""A history as the public functions take it, and as `read_history` gives it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from features.checks.checked_history import CheckedHistory
from features.findings.problems import Problem
from features.history.extent import creations_begin
from features.history.known import outcome_known, without_aliases
from features.history.lead_history import CONVERTED, LOST, OPEN, LeadHistory
from features.sources.memory_tables import MemoryTables
from features.sources.open_source import Source, display_name
from features.times import format_time, to_datetime
from leadodds_python.arguments import Moment, read_moment

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class History:
    """A history that was read and checked: to look at, and to hand to the other functions.

    They read its source again, each for its purpose: a model says what types its attributes have, and a
    training checks more than a score.

    Attributes:
        source: what it was read from.
        given_until: `observed_until` as it was given, microseconds UTC; the other functions keep to it.
        checked: the rows that remain, and everything that was found.
    """

    source: Source
    given_until: int | None
    checked: CheckedHistory

    @property
    def rows(self) -> LeadHistory:
        """The rows as sorted columns: the inside that features are computed from."""
        return self.checked.history

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Everything found, none of which stops its use."""
        return self.checked.problems

    @property
    def observed_until(self) -> datetime:
        """Last instant for which outcomes are complete."""
        return to_datetime(self.rows.observed_until)

    def summary(self) -> dict[str, Any]:
        """Counts what is in it."""
        rows = without_aliases(self.rows)
        outcome = outcome_known(rows, np.arange(rows.leads_count), rows.observed_until)
        return {
            "history": display_name(self.source),
            "leads": rows.leads_count,
            "interactions": len(rows.interactions.occurred_at),
            "converted": int((outcome == CONVERTED).sum()),
            "lost": int((outcome == LOST).sum()),
            "open": int((outcome == OPEN).sum()),
            "attributes": len(self.rows.attributes),
            "first_lead": format_time(creations_begin(self.rows)) if self.rows.leads_count else None,
            "observed_until": format_time(self.rows.observed_until),
        }

    def __repr__(self) -> str:
        """Names its source, without the rows."""
        return f"History({display_name(self.source)!r}, leads={self.rows.leads_count})"

    def __str__(self) -> str:
        """The counts for a person, a line each."""
        return "\n".join(f"{name}: {fact}" for name, fact in self.summary().items())


# A folder, a database URL, DataFrames by name of the table, or what `read_history` gave.
HistoryLike: TypeAlias = "str | Path | Mapping[str, pd.DataFrame] | MemoryTables | History"


def source_of(history: HistoryLike) -> Source:
    """Finds the source of a history; DataFrames become tables in memory.

    Raises:
        FramesError: a mapping that holds something else than the tables of a history.
    """
    if isinstance(history, History):
        return history.source
    if isinstance(history, Mapping):
        from leadodds_python.frames import tables_of_frames

        return tables_of_frames(history)
    return history


def until_of(history: HistoryLike, observed_until: Moment | None) -> int | None:
    """Reads `observed_until`; where it is absent, takes the one that the history was read with."""
    if observed_until is None and isinstance(history, History):
        return history.given_until
    return read_moment(observed_until, item="observed_until")
