"""The small search for hyperparameters, once a training: tried at the first origin, used at all of them.

Each candidate is fitted and tested at moments before the first origin, so that every origin uses only what
was known at it. A candidate other than the configuration must be significantly better over all moments, and
worse at none: on one real history a single moment let candidates pass that later lost 0.6 % of the log loss.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Final

import numpy as np

from features.history.lead_history import Floats
from features.times import US_PER_DAY
from training.config import TrainingConfig
from training.fitting.boosting import fit_hazard
from training.fitting.design_matrix import Layout, logits_of_rows
from training.fitting.fit_data import FitData
from training.fitting.time_splits import TimeSplit, error_of_sum, roll_back, sums_at

# Multiples of the configured max_leaves and l2_regularization.
_LEAVES: Final = (0.5, 1.0, 2.0)
_REGULARIZATION: Final = (0.3, 1.0, 3.0)

# Moments before the first origin at which candidates are tested.
_MOMENTS: Final = 2

# Standard errors, by lead, by which another candidate must be better.
_SIGNIFICANT: Final = 1.96

_CANDIDATES: Final = 10  # stream of the seeded draw


@dataclass(frozen=True, slots=True)
class Trial:
    """Hyperparameters, and their losses on later rows.

    Attributes:
        changes: keys of the configuration with the values tried.
        losses: (moments, leads) weighted log loss of each lead's later rows.
    """

    changes: Mapping[str, Any]
    losses: Floats


def hyperparameters_to_try(config: TrainingConfig, *, history_days: float) -> list[dict[str, Any]]:
    """Lists the candidates: the configuration, some drawn from a small grid, and a recency window.

    Args:
        config: seed, search_budget, and the centre of the grid.
        history_days: from the first example to the origin; the window is its younger half.

    >>> hyperparameters_to_try(TrainingConfig(search_budget=2), history_days=100)
    [{}, {'max_leaves': 16, 'l2_regularization': 450.0}, {'training_window_days': 50}]
    """
    grid = [
        {"max_leaves": max(2, round(config.max_leaves * leaves)), "l2_regularization": l2}
        for leaves, l2 in product(_LEAVES, (config.l2_regularization * times for times in _REGULARIZATION))
        if (leaves, l2) != (1.0, config.l2_regularization)
    ]
    order = np.random.default_rng([config.seed, _CANDIDATES]).permutation(len(grid))
    drawn = [{}, *(grid[place] for place in order)][: config.search_budget]
    recency = {"training_window_days": max(1.0, round(history_days / 2))}
    return drawn if config.training_window_days is not None else [*drawn, recency]


def try_hyperparameters(
    fit_data: FitData, changes: Mapping[str, Any], *, config: TrainingConfig
) -> Trial | None:
    """Fits hyperparameters on the rows before each moment and computes their loss on those after it.

    Args:
        fit_data: of the first origin.
        changes: keys of the configuration with the values to try.
        config: everything else.

    Returns:
        None where the rows before or after a moment have too few conversions.
    """
    changed = config.model_copy(update=changes)
    losses = [_losses_after(split, fit_data, config=changed) for split in roll_back(fit_data, times=_MOMENTS)]
    known = [of_moment for of_moment in losses if of_moment is not None]
    return Trial(changes, np.stack(known)) if known and len(known) == len(losses) else None


def _losses_after(split: TimeSplit, fit_data: FitData, *, config: TrainingConfig) -> Floats | None:
    """(leads,) weighted log losses of the later rows, fitted on the earlier; None where none can be."""
    early, late = split.early, split.late
    if config.training_window_days is not None:
        oldest = split.moment_us + round(config.training_window_days * US_PER_DAY)
        early = early.take(fit_data.labels.observed_us[early.example] <= oldest)
    if not 0 < early.converted.sum() < len(early.converted):
        return None
    layout = Layout(fit_data.bins)
    model = fit_hazard(fit_data.codes, layout, early, config=config, later=late)
    losses = late.losses(logits_of_rows(model, fit_data.codes, layout, late))
    return sums_at(losses, fit_data.lead[late.example], count=int(fit_data.lead.max()) + 1)


def choose_hyperparameters(trials: Sequence[Trial | None]) -> Mapping[str, Any]:
    """Chooses among trials at the same moments; the first is the configuration and wins unless beaten.

    >>> base = Trial({}, np.array([[1.0, 2.0], [3.0, 4.0]]))
    >>> choose_hyperparameters([base, Trial({"max_leaves": 4}, base.losses - 0.1)])
    {'max_leaves': 4}
    >>> choose_hyperparameters([base, Trial({"max_leaves": 4}, base.losses[:, ::-1])])
    {}
    """
    known = [trial for trial in trials if trial is not None]
    if not known:
        return {}
    best = min(known, key=lambda trial: float(trial.losses.sum()))
    return best.changes if is_significantly_better(best, known[0]) else {}


def is_significantly_better(trial: Trial, base: Trial) -> bool:
    """Tells whether a trial has a lower loss than another: at every moment, and beyond chance by lead."""
    saved = base.losses - trial.losses
    by_lead = saved.sum(axis=0)
    return bool(saved.sum(axis=1).min() >= 0 and by_lead.sum() > _SIGNIFICANT * error_of_sum(by_lead))
