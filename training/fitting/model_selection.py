"""What is chosen before a fit: how many trees, and which pairs, by their loss on later rows.

Both are chosen anew at each origin, with what was known then, so that the origins test the whole procedure.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from features.history.lead_history import Floats
from models.scorecard.bins import ByteCodes
from training.config import TrainingConfig
from training.fitting.binning import coarse_codes
from training.fitting.boosting import fit_hazard
from training.fitting.design_matrix import Hazard, Layout
from training.fitting.fit_data import FitData
from training.fitting.pairs import Pair, choose_pairs
from training.fitting.time_splits import split_rows

# With this many converting leads in the later rows their number of trees counts half.
_HALF_TRUSTED: Final = 400


@dataclass(frozen=True, slots=True)
class SelectedModel:
    """What was chosen for a fit.

    Attributes:
        config: with the chosen number of trees.
        pairs: of features with a joint table.
    """

    config: TrainingConfig
    pairs: tuple[Pair, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Turns the choice into what the card keeps."""
        return {
            "iterations": self.config.iterations,
            "max_leaves": self.config.max_leaves,
            "l2_regularization": self.config.l2_regularization,
            "training_window_days": self.config.training_window_days,
            "pairs": [pair.to_json() for pair in self.pairs],
        }


def select_model(
    fit_data: FitData, *, config: TrainingConfig, ensemble: Hazard | None = None
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
    converting = split.late.leads_converting(fit_data.lead)
    iterations = trees_between(np.asarray(model.validation_score_), config.iterations, converting=converting)
    pairs = choose_pairs(model, fit_data, split, config=config)
    return SelectedModel(config.model_copy(update={"iterations": iterations}), pairs)


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
    return Layout(tuple(bins), pairs), codes


def trees_between(scores: Floats, configured: int, *, converting: int) -> int:
    """Moves the configured number of trees towards the best of the later rows, on a log scale.

    The later rows are noisy, so their number counts n / (n + 400), with n converting leads among them: their
    number alone lost 1 % of the log loss on one real history; the configured one lost 2 % on another. Where
    the compromise has a higher loss than a single tree, the later rows alone decide.

    Args:
        scores: (trees,) negative log loss of the later rows after each tree.
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
    compromise: float = configured * (best / configured) ** trust
    trees = max(1, round(compromise))
    return best if scores[min(trees, len(scores)) - 1] < scores[0] else trees
