"""What a fit chooses before it fits: how many trees, and which pairs; judged on later rows.

All of it is chosen anew at each origin, with what was known then, so that what the origins judge is the whole
procedure.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from features.history.lead_history import Floats
from models.scorecard.bins import ByteCodes
from training.config import TrainingConfig
from training.fitting.binning import group_of_codes
from training.fitting.boosting import fit_hazard
from training.fitting.design_matrix import Layout
from training.fitting.fit_data import FitData
from training.fitting.pairs import Pair, choose_pairs
from training.fitting.time_splits import part_rows

# Leads converting in the later slice at which its number of trees counts half.
_HALF_TRUSTED: Final = 400


@dataclass(frozen=True, slots=True)
class SelectedModel:
    """What was chosen for a fit.

    Attributes:
        config: with the number of trees that was chosen.
        pairs: with a table of their own.
    """

    config: TrainingConfig
    pairs: tuple[Pair, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Turns what was chosen into what the card keeps."""
        return {
            "iterations": self.config.iterations,
            "max_leaves": self.config.max_leaves,
            "l2_regularization": self.config.l2_regularization,
            "training_window_days": self.config.training_window_days,
            "pairs": [pair.to_json() for pair in self.pairs],
        }


def select_model(fit_data: FitData, *, config: TrainingConfig) -> SelectedModel:
    """Fits the earlier rows, and chooses by the later ones; where they are too few, all stays as configured.

    Args:
        fit_data: what the fit learns from.
        config: boosting parameters, pairs.
    """
    slices = part_rows(fit_data) if config.is_searching else None
    if slices is None:
        return SelectedModel(config)
    model = fit_hazard(fit_data.codes, Layout(fit_data.bins), slices.early, config=config, later=slices.late)
    converting = slices.late.leads_converting(fit_data.lead)
    iterations = trees_between(np.asarray(model.validation_score_), config.iterations, converting=converting)
    pairs = choose_pairs(model, fit_data, slices, config=config)
    return SelectedModel(config.model_copy(update={"iterations": iterations}), pairs)


def lay_out_columns(fit_data: FitData, selected_model: SelectedModel) -> tuple[Layout, ByteCodes]:
    """Joins the bins of the features that share a table with another.

    Returns:
        The columns, and codes (examples, features).
    """
    coarse = {one.name: one for pair in selected_model.pairs for one in (pair.first, pair.second)}
    bins, codes = [], fit_data.codes.copy()
    for place, own in enumerate(fit_data.bins):
        bins.append(coarse.get(own.name, own))
        codes[:, place] = group_of_codes(own, bins[place])[codes[:, place]]
    place_of = {one.name: place for place, one in enumerate(bins)}
    pairs = tuple((place_of[pair.first.name], place_of[pair.second.name]) for pair in selected_model.pairs)
    return Layout(tuple(bins), pairs), codes


def trees_between(scores: Floats, configured: int, *, converting: int) -> int:
    """Goes from the configured number of trees towards that of the later rows, on a log scale.

    The later slice is a noisy judge, so it counts for n / (n + 400) with n leads that converted in it: taken
    as it is, its number lost 1 % of the log loss on one real history; the configured one lost 2 % on another.
    Only where so many trees would do worse than one does the slice alone decide: there is nothing to learn.

    Args:
        scores: (trees,) less the later rows' log loss after each tree.
        configured: number of trees.
        converting: leads that converted in the later rows.

    >>> peak = -np.abs(np.log(np.arange(1, 401) / 45))  # 45 trees are best
    >>> trees_between(peak, 180, converting=400)
    90
    >>> trees_between(-np.arange(400.0), 180, converting=400)
    1
    """
    best = int(np.argmax(scores)) + 1
    trust = converting / (converting + _HALF_TRUSTED)
    wanted: float = configured * (best / configured) ** trust
    trees = max(1, round(wanted))
    return best if scores[min(trees, len(scores)) - 1] < scores[0] else trees
