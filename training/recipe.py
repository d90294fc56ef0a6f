"""What a fit chooses before it fits: how many trees, and which pairs; judged on later rows.

All of it is chosen anew at each origin, with what was known then, so that what the origins judge is the whole
procedure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from features.columns import Floats, Ints
from models.bins import ByteCodes, FeatureBins
from training.boosting import fit_hazard
from training.config import TrainingConfig
from training.ensemble import Layout
from training.pairs import Pair, choose_pairs
from training.slices import Slices

# Leads converting in the later slice at which its number of trees counts half.
_HALF_TRUSTED: Final = 400


@dataclass(frozen=True, slots=True)
class Recipe:
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
            "learn_from_days": self.config.learn_from_days,
            "pairs": [pair.to_json() for pair in self.pairs],
        }


def choose_recipe(
    codes: ByteCodes,
    bins: Sequence[FeatureBins],
    slices: Slices | None,
    lead: Ints,
    *,
    config: TrainingConfig,
) -> Recipe:
    """Fits the earlier rows, and chooses by the later ones.

    Args:
        codes: (examples, features).
        bins: of the features.
        slices: the earlier and the later rows; None where they are too few, and all stays as configured.
        lead: (examples,) whose they are.
        config: boosting parameters, pairs.
    """
    if slices is None or not config.is_searching:
        return Recipe(config)
    model = fit_hazard(codes, Layout(tuple(bins)), slices.early, config=config, later=slices.late)
    converting = len(np.unique(lead[slices.late.example[slices.late.converted]]))
    iterations = trees_between(np.asarray(model.validation_score_), config.iterations, converting=converting)
    pairs = choose_pairs(model, codes, bins, slices, lead, config=config)
    return Recipe(config.model_copy(update={"iterations": iterations}), pairs)


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
