"""The model itself: small tables whose entries add up to the logit hazard of each time bin.

How probabilities follow from the tables stands in `models.scorecard.scoring`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, Final, TypeVar

import numpy as np

from features.history.lead_history import Floats
from models.errors import ScorecardError
from models.scorecard.bins import FeatureBins
from models.scorecard.tables import Tables, lay_out
from models.scorecard.terms import Misfit as Misfit
from models.scorecard.terms import Replica as Replica
from models.scorecard.terms import Shrinkage as Shrinkage
from models.scorecard.terms import Term as Term

# A caller may ask for any horizon; what follows from one is kept for so many.
_MOST_KEPT: Final = 64
_Derived = TypeVar("_Derived")
# Ranges that reach as far above the log-odds as below: bundles from before.
EVEN_RANGES: Final = 1
# Ranges of which the probability is the mean.
MEAN_RANGES: Final = 2


@dataclass(frozen=True, slots=True, eq=False)
class Scorecard:
    """A fitted model as data.

    Attributes:
        bins: how features become codes.
        time_edges_days: (K + 1,) rising from 0; time bin k is (edge k, edge k + 1] days after `as_of`.
        horizon_days: the main horizon, at most the last edge.
        terms: what features add.
        average: (K,) logit hazards of the average lead.
        level_shift: logits, added to logit P at every horizon.
        level_spread: standard deviation of the shifts of past origins; None where there were fewer than two.
        replicas: for the interval; empty where it was not fitted.
        misfit: for the interval as well; None where too few conversions were tested.
        shrinkage: for the interval as well; None where it was not fitted.
        range_rule: how intervals are made of these parts; see `models.scorecard.prediction`.
        tables: of the terms, as one block.
        columns: (K, 1 + all table cells) the same block by column.
        fits: tables of the terms and of all replicas side by side, so that one look-up serves them all:
            columns (1 + replicas, K).
        by_horizon: what `kept_by_horizon` computed; it ends with the scorecard.
    """

    bins: tuple[FeatureBins, ...]
    time_edges_days: Floats
    horizon_days: float
    terms: tuple[Term, ...]
    average: Floats
    level_shift: float = 0.0
    level_spread: float | None = None
    replicas: tuple[Replica, ...] = ()
    misfit: Misfit | None = None
    shrinkage: Shrinkage | None = None
    range_rule: int = EVEN_RANGES
    tables: Tables = field(init=False, repr=False)
    columns: Floats = field(init=False, repr=False)
    fits: Tables = field(init=False, repr=False)
    by_horizon: dict[tuple[str, float], Any] = field(init=False, repr=False, default_factory=dict)

    def __post_init__(self) -> None:
        """Refuses parts that do not fit together, and lays out the tables."""
        check_scorecard(self)
        terms = [(term.features, term.table) for term in self.terms]
        tables = lay_out(self.average, terms)
        object.__setattr__(self, "tables", tables)
        object.__setattr__(self, "columns", np.ascontiguousarray(tables.rows.T))
        object.__setattr__(self, "fits", _lay_out_fits(self) if self.replicas else tables)

    def term_name(self, term: Term) -> str:
        """The name that points and reasons give the term: the feature, or "a x b" for a pair."""
        return " x ".join(self.bins[position].name for position in term.features)

    @property
    def term_names(self) -> tuple[str, ...]:
        """Names of all terms, in order."""
        return tuple(self.term_name(term) for term in self.terms)


def kept_by_horizon(
    derive: Callable[[Scorecard, float], _Derived],
) -> Callable[[Scorecard, float], _Derived]:
    """Computes a value once for each horizon and keeps it on the scorecard: a cache would keep the model."""

    @wraps(derive)
    def derived(scorecard: Scorecard, horizon_days: float) -> _Derived:
        kept, key = scorecard.by_horizon, (derive.__name__, horizon_days)
        found: _Derived | None = kept.get(key)
        if found is None:
            if len(kept) >= _MOST_KEPT:
                kept.clear()
            found = kept[key] = derive(scorecard, horizon_days)
        return found

    return derived


def _lay_out_fits(scorecard: Scorecard) -> Tables:
    replicas = scorecard.replicas
    average = np.concatenate([scorecard.average, *(replica.average for replica in replicas)])
    side_by_side = [
        (
            term.features,
            np.concatenate([term.table, *(replica.tables[place] for replica in replicas)], axis=-1),
        )
        for place, term in enumerate(scorecard.terms)
    ]
    return lay_out(average, side_by_side)


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
    if scorecard.range_rule not in {EVEN_RANGES, MEAN_RANGES}:
        raise ScorecardError("the rule of ranges", expected="1 or 2", found=f"{scorecard.range_rule}")
    _check_misfit(scorecard)
    _check_shrinkage(scorecard)
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


def _check_shrinkage(scorecard: Scorecard) -> None:
    if (shrinkage := scorecard.shrinkage) is None:
        return
    if len(shrinkage.log_odds) == 0 or (np.diff(shrinkage.log_odds) <= 0).any():
        raise ScorecardError("the shrinkage", expected="log-odds that rise", found=f"{shrinkage}")
    for part, numbers in (("log-odds", shrinkage.log_odds), ("moves", shrinkage.move)):
        _check_numbers(f"the {part} of the shrinkage", numbers, (len(shrinkage.log_odds),))


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
