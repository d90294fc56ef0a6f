"""What is chosen before a fit: how many trees, and which pairs, by their loss on later rows.

Both are chosen with what was known at an origin, so that the origins test the whole procedure. An origin soon
after another one may take its choice, which knew less.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from features.history.lead_history import Floats
from models.scorecard.bins import ByteCodes
from training.config import TrainingConfig
from training.fitting.binning import coarse_codes
from training.fitting.boosting import fit_hazard
from training.fitting.design_matrix import BoostedHazard, Layout, logits_of_rows
from training.fitting.fit_data import FitData
from training.fitting.pair_stage import add_pairs
from training.fitting.pairs import Pair, choose_pairs, coarse_bins
from training.fitting.time_splits import TimeSplit, error_of_sum, split_rows, sums_by_cluster

# With this many converting accounts or leads in the later rows their number of trees counts half.
_HALF_TRUSTED: Final = 400
# Standard errors by which a fit with pairs must be better on the later rows.
_SIGNIFICANT: Final = 1.96


@dataclass(frozen=True, slots=True)
class SelectedModel:
    """What was chosen for a fit.

    Attributes:
        config: with the chosen number of trees.
        pairs: of features with a joint table.
        pair_trees: trees of each step in which the pairs are boosted.
        is_chosen: whether later rows decided, or they were too few, so that it is as configured.
    """

    config: TrainingConfig
    pairs: tuple[Pair, ...] = ()
    pair_trees: tuple[int, ...] = ()
    is_chosen: bool = False

    def to_json(self) -> dict[str, Any]:
        """Turns the choice into what the card keeps."""
        return {
            "iterations": self.config.iterations,
            "max_leaves": self.config.max_leaves,
            "l2_regularization": self.config.l2_regularization,
            "training_window_days": self.config.training_window_days,
            "pairs": [pair.to_json() for pair in self.pairs],
            "pair_trees": list(self.pair_trees),
        }


def select_model(
    fit_data: FitData, *, config: TrainingConfig, ensemble: BoostedHazard | None = None
) -> SelectedModel:
    """Fits the earlier rows, and chooses by the later ones; where they are too few, takes the configuration.

    Args:
        fit_data: of the fit.
        config: boosting parameters, pairs.
        ensemble: of the earlier rows, where a search has fitted it with this configuration.
    """
    split = split_rows(fit_data) if config.is_searching else None
    if split is None:
        return SelectedModel(config)
    layout = Layout(fit_data.bins)
    model = ensemble or fit_hazard(fit_data.codes, layout, split.early, config=config, later=split.late)
    iterations = choose_trees(model, split, fit_data, config=config)
    selected = SelectedModel(config.model_copy(update={"iterations": iterations}), is_chosen=True)
    pairs = choose_pairs(model, fit_data, split, config=config)
    trees = _pair_trees(pairs, model, fit_data, split, config=config) if pairs else None
    return selected if trees is None else replace(selected, pairs=pairs, pair_trees=trees)


def adopt_selection(selected: SelectedModel, fit_data: FitData, *, config: TrainingConfig) -> SelectedModel:
    """Takes the choice of an earlier origin, with coarse bins of the rows that are known now.

    Args:
        selected: of the earlier origin.
        fit_data: of the fit.
        config: of the fit; only the number of trees is taken from the choice.
    """
    config = config.model_copy(update={"iterations": selected.config.iterations})
    coarse = {bins.name: bins for bins in coarse_bins(fit_data, fit_data.rows)} if selected.pairs else {}
    pairs = tuple(
        replace(pair, first=coarse[pair.first.name], second=coarse[pair.second.name])
        for pair in selected.pairs
        if pair.first.name in coarse and pair.second.name in coarse
    )
    return replace(selected, config=config, pairs=pairs, pair_trees=selected.pair_trees if pairs else ())


def _pair_trees(
    pairs: tuple[Pair, ...],
    model: BoostedHazard,
    fit_data: FitData,
    split: TimeSplit,
    *,
    config: TrainingConfig,
) -> tuple[int, ...] | None:
    """Chooses the trees of the second stage, and tests both stages together.

    Each pair was confirmed on top of a fit with fine bins. In the fit itself a feature of a pair has coarse
    bins, which can cost more than its pairs save.

    Args:
        pairs: that were confirmed, at least one.
        model: of the features alone, with fine bins, fitted on the earlier rows.
        fit_data: of the fit.
        split: its earlier and later rows.
        config: boosting parameters.

    Returns:
        Trees of each step; None where a fit with the pairs has no lower loss on the later rows beyond chance.
    """
    layout, codes = lay_out_columns(fit_data, SelectedModel(config, pairs))
    as_many = config.model_copy(update={"iterations": len(model.validation_score_)})
    alone = fit_hazard(codes, layout, split.early, config=as_many)
    paired = add_pairs(alone, codes, layout, split.early, config=config, later=split.late)
    without = logits_of_rows(model, fit_data.codes, Layout(fit_data.bins), split.late)
    saved = split.late.losses(without) - split.late.losses(logits_of_rows(paired, codes, layout, split.late))
    by_cluster = sums_by_cluster(saved, fit_data.cluster[split.late.example])
    is_better = by_cluster.sum() > _SIGNIFICANT * error_of_sum(by_cluster)
    return paired.trees if is_better else None


def choose_trees(model: BoostedHazard, split: TimeSplit, fit_data: FitData, *, config: TrainingConfig) -> int:
    """Chooses the number of trees of a fit by an ensemble of its earlier rows."""
    converting = split.late.clusters_converting(fit_data.cluster)
    return trees_between(np.asarray(model.validation_score_), config.iterations, converting=converting)


def lay_out_columns(fit_data: FitData, selected_model: SelectedModel) -> tuple[Layout, ByteCodes]:
    """Joins the bins of the features that are in a pair.

    Returns:
        The columns, and codes (examples, features).
    """
    coarse = {half.name: half for pair in selected_model.pairs for half in (pair.first, pair.second)}
    bins, codes = [], fit_data.codes.copy()
    for place, own in enumerate(fit_data.bins):
        bins.append(coarse.get(own.name, own))
        if own.name in coarse:
            codes[:, place] = coarse_codes(own, bins[place])[codes[:, place]]
    place_of = {each.name: place for place, each in enumerate(bins)}
    pairs = tuple((place_of[pair.first.name], place_of[pair.second.name]) for pair in selected_model.pairs)
    return Layout(tuple(bins), pairs, selected_model.pair_trees), codes


def trees_between(scores: Floats, configured: int, *, converting: int) -> int:
    """Moves the configured number of trees towards the best of the later rows, on a log scale.

    The later rows are noisy, so their number counts n / (n + 400), with n converting leads among them: their
    number alone lost 1 % of the log loss on one real history; the configured one lost 2 % on another. Where
    the compromise has a higher loss than a single tree, the later rows alone decide.

    Args:
        scores: (trees,) negative log loss of the later rows after each tree.
        configured: number of trees.
        converting: accounts or leads that converted in the later rows.

    >>> peak = -np.abs(np.log(np.arange(1, 401) / 45))  # 45 trees are best
    >>> trees_between(peak, 180, converting=400)
    90
    >>> trees_between(-np.arange(400.0), 180, converting=400)
    1
    """
    best = int(np.argmax(scores)) + 1
    trust = converting / (converting + _HALF_TRUSTED)
    compromise: float = configured * (best / configured) ** trust
    trees = max(1, round(compromise))
    return best if scores[min(trees, len(scores)) - 1] < scores[0] else trees
