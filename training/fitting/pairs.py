"""Pairs of features that tell more together than each alone: ranked on earlier rows, confirmed on later ones.

An additive fit of the earlier rows leaves residuals. The pair that most surely explains some of them is asked
first; it is taken when its table also saves log loss on the later rows, beyond what chance by lead would.
What is taken is added before the next pair is asked, so that a second pair that says the same is not taken
again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Final

import numpy as np

from features.history.lead_history import Floats, Ints
from models.scorecard.bins import FeatureBins
from training.config import TrainingConfig
from training.fitting.binning import MOST_GROUPS, coarsen, group_of_codes
from training.fitting.design_matrix import Hazard, Layout, hazard_of_rows
from training.fitting.fit_data import FitData
from training.fitting.hazard_rows import HazardRows
from training.fitting.pair_scores import Slope, pair_steps
from training.fitting.time_splits import Slices, error_of_sum, sums_by_lead
from training.sampling import spread_draw

# All pairs are ranked on so many rows of either outcome, then the best of them on all rows.
_RANKED_ROWS: Final = 10_000
_RANKED_AGAIN: Final = 150
_ASKED: Final = 40

_RANK: Final = 8  # stream of the seeded draw
# Half the width of a 99.9 % interval in standard deviations: of 40 pairs asked, one would pass 95 % by
# chance, and such a pair cost 1.3 % of the log loss on one real history.
_Z: Final = 3.2905267314919255
_SIDE: Final = MOST_GROUPS + 1


@dataclass(frozen=True, slots=True)
class Pair:
    """Two features with a table of their own.

    Attributes:
        first: coarse bins of the one.
        second: coarse bins of the other.
        saved: part of the later rows' log loss that the pair's table saved.
        saved_low: lower end of its 99.9 % interval.
        saved_high: upper end.
    """

    first: FeatureBins
    second: FeatureBins
    saved: float
    saved_low: float
    saved_high: float

    def to_json(self) -> dict[str, Any]:
        """Turns the pair into what the card keeps."""
        return {
            "features": [self.first.name, self.second.name],
            "log_loss_saved": {"value": self.saved, "low": self.saved_low, "high": self.saved_high},
        }


@dataclass(slots=True)
class _Part:
    """Rows of a slice, with the coarse codes and the logits they have so far."""

    rows: HazardRows
    groups: Ints
    logits: Floats
    lead: Ints

    def add(self, table: Floats, pair: tuple[int, int]) -> None:
        """Adds a pair's table to the logits."""
        self.logits = self.logits + self.of(table, pair)

    def of(self, table: Floats, pair: tuple[int, int]) -> Floats:
        """(rows,) what a pair's table adds."""
        added: Floats = table[self.groups[pair[0]], self.groups[pair[1]]]
        return added


def choose_pairs(
    model: Hazard, fit_data: FitData, slices: Slices, *, config: TrainingConfig
) -> tuple[Pair, ...]:
    """Chooses the pairs of a fit.

    Args:
        model: additive, fitted on the earlier rows.
        fit_data: what the fit learns from.
        slices: its earlier and its later rows.
        config: pairs (how many at most), monotonic, l2_regularization, seed.

    Returns:
        In the order in which they were confirmed.
    """
    bins = fit_data.bins
    if config.pairs == 0 or len(bins) < 2:
        return ()
    coarse = _coarse_bins(fit_data, slices.early)
    early, late = (_part(model, fit_data, coarse, rows) for rows in (slices.early, slices.late))
    # A pair's table may do as it likes, so a feature that is held to a direction stays out of pairs.
    free = [place for place, one in enumerate(bins) if one.name not in config.monotonic]
    candidates = _ranked(early, free, config=config)
    chosen: list[Pair] = []
    while candidates and len(chosen) < config.pairs:
        tables, signs = _steps(early, candidates, l2=config.l2_regularization)
        surest = np.argsort(-signs, kind="stable").tolist()
        confirmed = _first_confirmed(late, [(tables[place], candidates[place]) for place in surest])
        if confirmed is None:
            break
        number, saved = confirmed
        table, pair = tables[surest[number]], candidates[surest[number]]
        chosen.append(Pair(coarse[pair[0]], coarse[pair[1]], *saved))
        early.add(table, pair)
        late.add(table, pair)
        # Those that were asked before it and saved nothing are not asked again.
        candidates = [candidates[place] for place in sorted(surest[number + 1 :])]
    return tuple(chosen)


def _first_confirmed(
    late: _Part, asked: Sequence[tuple[Floats, tuple[int, int]]]
) -> tuple[int, tuple[float, float, float]] | None:
    """Finds the first table that surely saves log loss on the later rows: its number, and what it saves."""
    for number, (table, pair) in enumerate(asked):
        saved = _saved(late, table, pair)
        if saved[1] > 0:
            return number, saved
    return None


def _coarse_bins(fit_data: FitData, rows: HazardRows) -> list[FeatureBins]:
    """Coarse bins of every feature, of about equal numbers of rows."""
    of_rows = fit_data.codes[rows.example]
    return [
        coarsen(one, np.bincount(of_rows[:, position], minlength=one.codes_count).astype(np.float64))
        for position, one in enumerate(fit_data.bins)
    ]


def _part(model: Hazard, fit_data: FitData, coarse: Sequence[FeatureBins], rows: HazardRows) -> _Part:
    """Looks up the coarse codes of rows and asks the additive model about them."""
    groups = np.empty((len(coarse), len(rows.example)), dtype=np.int64)
    for position, (fine, rough) in enumerate(zip(fit_data.bins, coarse, strict=True)):
        groups[position] = group_of_codes(fine, rough)[fit_data.codes[rows.example, position]]
    logits = hazard_of_rows(model, fit_data.codes, Layout(fit_data.bins), rows)
    return _Part(rows, groups, logits, fit_data.lead[rows.example])


def _ranked(part: _Part, features: Sequence[int], *, config: TrainingConfig) -> list[tuple[int, int]]:
    """Lists the pairs that save most: all of them on some rows, then the best on all rows."""
    pairs = list(combinations(features, 2))
    drawn, widths = _some_rows(part.rows, config=config)
    thinned = _Part(
        part.rows.take(drawn).weighted(widths), part.groups[:, drawn], part.logits[drawn], part.lead[drawn]
    )
    for rows, kept in ((thinned, _RANKED_AGAIN), (part, _ASKED)):
        _, signs = _steps(rows, pairs, l2=config.l2_regularization)
        pairs = [pairs[place] for place in np.argsort(-signs, kind="stable")[:kept]]
    return pairs


def _some_rows(rows: HazardRows, *, config: TrainingConfig) -> tuple[Ints, Floats]:
    """Draws at most so many rows of either outcome, and how many each stands for."""
    drawn = []
    for outcome in (True, False):
        of_outcome = np.flatnonzero(rows.converted == outcome)
        rng = np.random.default_rng([config.seed, _RANK])
        places, widths = spread_draw(len(of_outcome), min(len(of_outcome), _RANKED_ROWS), rng=rng)
        drawn.append((of_outcome[places], widths.astype(np.float64)))
    places = np.concatenate([places for places, _ in drawn])
    order = np.argsort(places)
    return places[order], np.concatenate([widths for _, widths in drawn])[order]


def _steps(part: _Part, pairs: Sequence[tuple[int, int]], *, l2: float) -> tuple[Floats, Floats]:
    """Tables of pairs, and how sure they are, from where the logits are."""
    slope = Slope.at(part.logits, part.rows, part.lead)
    return pair_steps(slope, part.groups, pairs, side=_SIDE, l2=l2)


def _saved(late: _Part, table: Floats, pair: tuple[int, int]) -> tuple[float, float, float]:
    """Part of the later rows' log loss that a table saves, with its 99.9 % interval by lead.

    Returns:
        Value, low and high; the sums of the leads are taken as drawn independently.
    """
    before = late.rows.losses(late.logits)
    saved = before - late.rows.losses(late.logits + late.of(table, pair))
    half = _Z * error_of_sum(sums_by_lead(saved, late.lead))
    total, value = float(before.sum()), float(saved.sum())
    return value / total, (value - half) / total, (value + half) / total
