"""The small search for boosting parameters, once a training: tried at the first origin, used at all of them.

Each setting is fitted and judged at moments before the first origin, so that every origin uses only what was
known at it. A setting other than the configured one must surely be better over all of them, and worse at
none: on one real history a single moment let settings pass that later lost 0.6 % of the log loss.
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
from training.fitting.design_matrix import Layout, hazard_of_rows
from training.fitting.fit_data import FitData
from training.fitting.time_splits import Slices, error_of_sum, roll_back, sums_at

# Multiples of the configured leaves and pull towards zero.
_LEAVES: Final = (0.5, 1.0, 2.0)
_PULL: Final = (0.3, 1.0, 3.0)

# Moments before the first origin at which settings are judged.
_MOMENTS: Final = 2

# Standard errors, by lead, by which another setting must be better.
_SURELY: Final = 1.96

_SETTINGS: Final = 10  # stream of the seeded draw


@dataclass(frozen=True, slots=True)
class Trial:
    """A setting, and how it did on later rows.

    Attributes:
        changes: keys of the configuration with the values tried.
        losses: (moments, leads) weighted log loss of each lead's later rows.
    """

    changes: Mapping[str, Any]
    losses: Floats


def hyperparameters_to_try(config: TrainingConfig, *, history_days: float) -> list[dict[str, Any]]:
    """Lists the settings to try: the configured one, some drawn from a small grid, and a recency window.

    Args:
        config: seed, search_budget, and what the grid lies around.
        history_days: from the first example to the origin; the window tried is the younger half.

    >>> hyperparameters_to_try(TrainingConfig(search_budget=2), history_days=100)
    [{}, {'max_leaves': 16, 'l2_regularization': 450.0}, {'training_window_days': 50}]
    """
    grid = [
        {"max_leaves": max(2, round(config.max_leaves * leaves)), "l2_regularization": pull}
        for leaves, pull in product(_LEAVES, (config.l2_regularization * times for times in _PULL))
        if (leaves, pull) != (1.0, config.l2_regularization)
    ]
    order = np.random.default_rng([config.seed, _SETTINGS]).permutation(len(grid))
    drawn = [{}, *(grid[place] for place in order)][: config.search_budget]
    recency = {"training_window_days": max(1.0, round(history_days / 2))}
    return drawn if config.training_window_days is not None else [*drawn, recency]


def try_hyperparameters(
    fit_data: FitData, changes: Mapping[str, Any], *, config: TrainingConfig
) -> Trial | None:
    """Fits a setting on the rows before each moment and judges it on those after it.

    Args:
        fit_data: of the first origin.
        changes: keys of the configuration with the values to try.
        config: everything else.

    Returns:
        None where any part has too few conversions.
    """
    setting = config.model_copy(update=changes)
    losses = [_losses_after(parts, fit_data, config=setting) for parts in roll_back(fit_data, times=_MOMENTS)]
    told = [one for one in losses if one is not None]
    return Trial(changes, np.stack(told)) if told and len(told) == len(losses) else None


def _losses_after(parts: Slices, fit_data: FitData, *, config: TrainingConfig) -> Floats | None:
    """(leads,) weighted log losses of the later rows, fitted on the earlier; None where none can be."""
    early, late = parts.early, parts.late
    if config.training_window_days is not None:
        oldest = parts.moment_us + round(config.training_window_days * US_PER_DAY)
        early = early.take(fit_data.labels.observed_us[early.example] <= oldest)
    if not 0 < early.converted.sum() < len(early.converted):
        return None
    layout = Layout(fit_data.bins)
    model = fit_hazard(fit_data.codes, layout, early, config=config, later=late)
    losses = late.losses(hazard_of_rows(model, fit_data.codes, layout, late))
    return sums_at(losses, fit_data.lead[late.example], count=int(fit_data.lead.max()) + 1)


def choose_hyperparameters(trials: Sequence[Trial | None]) -> Mapping[str, Any]:
    """Chooses among trials at the same moments; the first is the configured setting and wins unless beaten.

    >>> base = Trial({}, np.array([[1.0, 2.0], [3.0, 4.0]]))
    >>> choose_hyperparameters([base, Trial({"max_leaves": 4}, base.losses - 0.1)])
    {'max_leaves': 4}
    >>> choose_hyperparameters([base, Trial({"max_leaves": 4}, base.losses[:, ::-1])])
    {}
    """
    made = [trial for trial in trials if trial is not None]
    if not made:
        return {}
    best = min(made, key=lambda trial: float(trial.losses.sum()))
    return best.changes if is_surely_better(best, made[0]) else {}


def is_surely_better(trial: Trial, base: Trial) -> bool:
    """Tells whether a trial lost less than another: at every moment, and by more than chance by lead."""
    saved = base.losses - trial.losses
    by_lead = saved.sum(axis=0)
    return bool(saved.sum(axis=1).min() >= 0 and by_lead.sum() > _SURELY * error_of_sum(by_lead))
