"""Whether the parts of a scorecard fit together: shapes, finite numbers, rising edges."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from features.history.lead_history import Floats
from models.errors import ScorecardError

if TYPE_CHECKING:
    from models.scorecard.scorecard import Scorecard


def check_scorecard(scorecard: Scorecard) -> None:
    """Refuses a scorecard whose tables, bins and time bins do not fit together, or hold anything but numbers.

    Raises:
        ScorecardError: tells the part, what it should be and what it is.
    """
    edges = scorecard.time_edges_days
    if (
        edges.ndim != 1
        or len(edges) < 2
        or edges[0] != 0
        or not np.isfinite(edges).all()
        or (np.diff(edges) <= 0).any()
    ):
        raise ScorecardError("the time edges", expected="days that rise from 0", found=str(edges.tolist()))
    if not 0 < scorecard.horizon_days <= edges[-1]:
        raise ScorecardError(
            "the main horizon", expected=f"within {edges[-1]:g} days", found=f"{scorecard.horizon_days}"
        )
    levels = np.array([scorecard.level_shift, scorecard.level_spread or 0.0])
    _check_numbers("the level", levels, (2,))
    _check_misfit(scorecard)
    _check_tables(scorecard, "", scorecard.average, tuple(term.table for term in scorecard.terms))
    for i, replica in enumerate(scorecard.replicas):
        _check_tables(scorecard, f" of replica {i}", replica.average, replica.tables)


def _check_misfit(scorecard: Scorecard) -> None:
    if (misfit := scorecard.misfit) is None:
        return
    if len(misfit.log_odds) == 0 or (np.diff(misfit.log_odds) <= 0).any() or (misfit.spread < 0).any():
        raise ScorecardError(
            "the misfit", expected="log-odds that rise and spreads from 0 up", found=f"{misfit}"
        )
    for part, numbers in (("log-odds", misfit.log_odds), ("spreads", misfit.spread)):
        _check_numbers(f"the {part} of the misfit", numbers, (len(misfit.log_odds),))


def _check_tables(scorecard: Scorecard, owner: str, average: Floats, tables: tuple[Floats, ...]) -> None:
    columns = len(scorecard.time_edges_days) - 1
    _check_numbers(f"the average{owner}", average, (columns,))
    if len(tables) != len(scorecard.terms):
        raise ScorecardError(
            f"the list of tables{owner}", expected=f"{len(scorecard.terms)} long", found=str(len(tables))
        )
    for i, (term, table) in enumerate(zip(scorecard.terms, tables, strict=True)):
        if len(term.features) not in {1, 2} or not all(0 <= p < len(scorecard.bins) for p in term.features):
            raise ScorecardError(
                f"term {i}", expected="about one or two known features", found=str(term.features)
            )
        codes = tuple(scorecard.bins[position].codes_count for position in term.features)
        _check_numbers(f"the table of {scorecard.term_name(term)}{owner}", table, (*codes, columns))


def _check_numbers(part: str, numbers: Floats, shape: tuple[int, ...]) -> None:
    if numbers.shape != shape or numbers.dtype != np.float64:
        raise ScorecardError(
            part, expected=f"float64 of shape {shape}", found=f"{numbers.dtype} of shape {numbers.shape}"
        )
    if not np.isfinite(numbers).all():
        raise ScorecardError(part, expected="finite numbers", found="partly NaN or infinite")
