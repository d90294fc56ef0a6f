"""Pairs of features that explain more together than each alone: ranked on earlier rows, confirmed on later.

An additive fit of the earlier rows leaves residuals. The pair that explains them most significantly is tested
first; it is chosen where its table also lowers the log loss of the later rows, beyond chance. A
chosen table is added before the next pair is tested, so that a second pair with the same information is not
chosen as well.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Final

import numpy as np

from features.history.lead_history import Floats, Ints
from models.scorecard.bins import FeatureBins
from training.config import TrainingConfig
from training.fitting.binning import MOST_COARSE_BINS, coarse_codes, coarsen
from training.fitting.design_matrix import Hazard, Layout, logits_of_rows
from training.fitting.fit_data import FitData
from training.fitting.hazard_rows import HazardRows
from training.fitting.pair_scores import Slope, pair_steps, screen_pairs
from training.fitting.time_splits import TimeSplit, error_of_sum, sums_by_cluster
from training.sampling import spread_draw

# Pairs of numbers are screened on this many rows of either outcome, in three groups of either number beside
# "missing"; the best of them, and pairs with a category, are ranked on these rows in coarse bins, the best of
# those again on all rows, and the best of those are tested.
_RANKED_ROWS: Final = 10_000
_SCREENED: Final = 400
_RANKED_AGAIN: Final = 150
_TESTED: Final = 40
_FEW_GROUPS: Final = 3

_RANK: Final = 8  # stream of the seeded draw
# Half the width of a 99.9 % interval in standard deviations: of 40 tested pairs one would pass 95 % by
# chance, and such a pair cost 1.3 % of the log loss on one real history.
_Z: Final = 3.2905267314919255
_SIDE: Final = MOST_COARSE_BINS + 1


@dataclass(frozen=True, slots=True)
class Pair:
    """Two features with a joint table.

    Attributes:
        first: coarse bins of the first feature.
        second: coarse bins of the second.
        saved: part of the later rows' log loss that the pair's table saves.
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
class _ScoredRows:
    """Rows with their coarse codes, and their logits so far.

    Attributes:
        rows: of a fit.
        coarse: (features, rows) coarse codes.
        logits: (rows,) of the additive model and the tables added to it.
        cluster: (rows,) account or lead of each row; rows of a cluster stand together.
    """

    rows: HazardRows
    coarse: Ints
    logits: Floats
    cluster: Ints

    def add(self, table: Floats, pair: tuple[int, int]) -> None:
        """Adds a pair's table to the logits."""
        self.logits = self.logits + self.cells(table, pair)

    def cells(self, table: Floats, pair: tuple[int, int]) -> Floats:
        """(rows,) cell of each row in a pair's table."""
        cells: Floats = table[self.coarse[pair[0]], self.coarse[pair[1]]]
        return cells


def choose_pairs(
    model: Hazard, fit_data: FitData, split: TimeSplit, *, config: TrainingConfig
) -> tuple[Pair, ...]:
    """Chooses the pairs of a fit.

    Args:
        model: additive, fitted on the earlier rows.
        fit_data: of the fit.
        split: its earlier and its later rows.
        config: pairs (their number at most), monotonic, l2_regularization, seed.

    Returns:
        In the order in which they were confirmed.
    """
    bins = fit_data.bins
    if config.pairs == 0 or len(bins) < 2:
        return ()
    coarse = coarse_bins(fit_data, split.early)
    early, late = (_score_rows(model, fit_data, coarse, rows) for rows in (split.early, split.late))
    # No direction is enforced in a pair's table, so a monotonic feature is in no pair.
    free = [place for place, each in enumerate(bins) if each.name not in config.monotonic]
    numbers = {place for place in free if bins[place].type != "category"}
    candidates = _ranked(early, free, numbers, config=config)
    chosen: list[Pair] = []
    while candidates and len(chosen) < config.pairs:
        tables, significance = _tables(early, candidates, l2=config.l2_regularization)
        ranked = np.argsort(-significance, kind="stable").tolist()
        confirmed = _first_confirmed(late, [(tables[place], candidates[place]) for place in ranked])
        if confirmed is None:
            break
        number, saved = confirmed
        table, pair = tables[ranked[number]], candidates[ranked[number]]
        chosen.append(Pair(coarse[pair[0]], coarse[pair[1]], *saved))
        early.add(table, pair)
        late.add(table, pair)
        # Those that were tested before it and saved nothing are not tested again.
        candidates = [candidates[place] for place in sorted(ranked[number + 1 :])]
    return tuple(chosen)


def coarse_bins(fit_data: FitData, rows: HazardRows) -> list[FeatureBins]:
    """Chooses coarse bins of every feature, of about equal numbers of rows."""
    codes = fit_data.codes[rows.example]
    return [
        coarsen(bins, np.bincount(codes[:, position], minlength=bins.codes_count).astype(np.float64))
        for position, bins in enumerate(fit_data.bins)
    ]


def _first_confirmed(
    late: _ScoredRows, candidates: Sequence[tuple[Floats, tuple[int, int]]]
) -> tuple[int, tuple[float, float, float]] | None:
    """Finds the first table that significantly lowers the loss of the later rows: its number and savings."""
    for number, (table, pair) in enumerate(candidates):
        saved = _saved(late, table, pair)
        if saved[1] > 0:
            return number, saved
    return None


def _score_rows(
    model: Hazard, fit_data: FitData, coarse: Sequence[FeatureBins], rows: HazardRows
) -> _ScoredRows:
    """Looks up the coarse codes of rows, and their logits in the additive model."""
    rows = rows.take(np.argsort(fit_data.cluster[rows.example], kind="stable"))
    codes = np.empty((len(coarse), len(rows.example)), dtype=np.int64)
    for position, (fine, rough) in enumerate(zip(fit_data.bins, coarse, strict=True)):
        codes[position] = coarse_codes(fine, rough)[fit_data.codes[rows.example, position]]
    logits = logits_of_rows(model, fit_data.codes, Layout(fit_data.bins), rows)
    return _ScoredRows(rows, codes, logits, fit_data.cluster[rows.example])


def _ranked(
    scored: _ScoredRows, features: Sequence[int], numbers: Collection[int], *, config: TrainingConfig
) -> list[tuple[int, int]]:
    """Lists the most significant pairs: screened and ranked on some rows, the best again on all rows."""
    drawn, weights = _draw_rows(scored.rows, config=config)
    thinned = _ScoredRows(
        scored.rows.take(drawn).weighted(weights),
        scored.coarse[:, drawn],
        scored.logits[drawn],
        scored.cluster[drawn],
    )
    pairs = _screened(thinned, list(combinations(features, 2)), numbers)
    for rows, kept in ((thinned, _RANKED_AGAIN), (scored, _TESTED)):
        _, significance = _tables(rows, pairs, l2=config.l2_regularization, is_rough=True)
        pairs = [pairs[place] for place in np.argsort(-significance, kind="stable")[:kept]]
    return pairs


def _screened(
    scored: _ScoredRows, pairs: Sequence[tuple[int, int]], numbers: Collection[int]
) -> list[tuple[int, int]]:
    """Leaves out pairs of numbers that explain nothing even in a few groups of each; there are thousands."""
    of_numbers = [pair for pair in pairs if pair[0] in numbers and pair[1] in numbers]
    if len(of_numbers) <= _SCREENED:
        return list(pairs)
    groups = np.array([_few_groups(codes) for codes in scored.coarse])
    slope = Slope.at(scored.logits, scored.rows, scored.cluster)
    significance = screen_pairs(slope, groups, of_numbers, side=_FEW_GROUPS + 1)
    hopeless = np.argsort(-significance, kind="stable")[_SCREENED:]
    left_out = {of_numbers[place] for place in hopeless.tolist()}
    return [pair for pair in pairs if pair not in left_out]


def _few_groups(codes: Ints) -> Ints:
    """(rows,) 0 where missing, else the third of the present rows, by their codes, that a row belongs to.

    >>> _few_groups(np.array([0, 1, 1, 2, 3, 3, 4])).tolist()
    [0, 1, 1, 2, 3, 3, 3]
    """
    mass = np.bincount(codes).astype(np.float64)
    mass[0] = 0.0
    middle = np.cumsum(mass) - mass / 2
    groups = 1 + (_FEW_GROUPS * middle / max(1.0, mass.sum())).astype(np.int64)
    groups[0] = 0
    few: Ints = groups[codes]
    return few


def _draw_rows(rows: HazardRows, *, config: TrainingConfig) -> tuple[Ints, Floats]:
    """Draws a bounded number of rows of either outcome, and how many rows each stands for."""
    drawn = []
    for outcome in (True, False):
        of_outcome = np.flatnonzero(rows.converted == outcome)
        rng = np.random.default_rng([config.seed, _RANK])
        places, widths = spread_draw(len(of_outcome), min(len(of_outcome), _RANKED_ROWS), rng=rng)
        drawn.append((of_outcome[places], widths.astype(np.float64)))
    places = np.concatenate([places for places, _ in drawn])
    order = np.argsort(places)
    return places[order], np.concatenate([widths for _, widths in drawn])[order]


def _tables(
    scored: _ScoredRows, pairs: Sequence[tuple[int, int]], *, l2: float, is_rough: bool = False
) -> tuple[Floats, Floats]:
    """Computes the tables of pairs at the present logits, and their significance."""
    slope = Slope.at(scored.logits, scored.rows, scored.cluster)
    return pair_steps(slope, scored.coarse, pairs, side=_SIDE, l2=l2, is_rough=is_rough)


def _saved(late: _ScoredRows, table: Floats, pair: tuple[int, int]) -> tuple[float, float, float]:
    """Computes the part of the later rows' log loss that a table saves, with its 99.9 % interval.

    Returns:
        Value, low and high; the sums of different clusters count as independent.
    """
    before = late.rows.losses(late.logits)
    saved = before - late.rows.losses(late.logits + late.cells(table, pair))
    half = _Z * error_of_sum(sums_by_cluster(saved, late.cluster))
    total, value = float(before.sum()), float(saved.sum())
    return value / total, (value - half) / total, (value + half) / total
