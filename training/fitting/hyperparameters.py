"""The small search for hyperparameters, once a training: tried at the first origin, used at all of them.

Each candidate is fitted and tested at moments before the first origin, so that every origin uses only what
was known at it. A candidate other than the configuration must be significantly better over all moments, and
worse at none: on one real history a single moment let candidates pass that later lost 0.6 % of the log loss.
The best of several is better by chance more often than one: with the limit for a single comparison the same
history passed one, by 2.1 standard errors, that later lost as much.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any, Final

import numpy as np
from scipy.stats import norm

from features.history.lead_history import Floats
from features.times import US_PER_DAY
from training.config import TrainingConfig
from training.fitting.boosting import fit_hazard
from training.fitting.design_matrix import BoostedHazard, Layout, logits_of_rows
from training.fitting.fit_data import FitData
from training.fitting.hazard_rows import since_bin_end
from training.fitting.time_splits import TimeSplit, error_of_sum, roll_back, sums_at

# Keys of the configuration that a search sets.
SEARCHED: Final = ("max_leaves", "l2_regularization", "training_window_days")

# Multiples of the configured max_leaves and l2_regularization.
_LEAVES: Final = (0.5, 1.0, 2.0)
_REGULARIZATION: Final = (0.3, 1.0, 3.0)

# Moments before the first origin at which candidates are tested.
MOMENTS: Final = 2

# Chance at most that any of the other candidates seems better, in either direction, where none is.
_FALSE_ALARM: Final = 0.05

_CANDIDATES: Final = 10  # stream of the seeded draw


@dataclass(frozen=True, slots=True)
class Trial:
    """Hyperparameters, and their losses on later rows.

    Attributes:
        changes: keys of the configuration with the values tried.
        losses: (moments, clusters) weighted log loss of the later rows of each account or lead.
        ensemble: fitted before the first moment: the first step of a fit with these hyperparameters.
    """

    changes: Mapping[str, Any]
    losses: Floats
    ensemble: BoostedHazard | None = None

    def is_above(self, other: Trial) -> bool:
        """Whether the loss is higher than that of another trial at the same moments."""
        return float(self.losses.sum()) > float(other.losses.sum())


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
    recency = {"training_window_days": max(config.grid_spacing_days, round(history_days / 2))}
    return drawn if config.training_window_days is not None else [*drawn, recency]


def try_hyperparameters(
    fit_data: FitData, candidates: Sequence[Mapping[str, Any]], moment: int, *, config: TrainingConfig
) -> list[Trial]:
    """Fits candidates on the rows before a moment and computes their losses on those after it.

    Args:
        fit_data: of the first origin.
        candidates: keys of the configuration with the values to try.
        moment: number of the moment, from the last one back.
        config: everything else.

    Returns:
        Of those that could be fitted; none where the rows before or after the moment have too few
        conversions.
    """
    splits = list(roll_back(fit_data, times=moment + 1))
    if len(splits) <= moment:
        return []
    trials = (_try(splits[moment], fit_data, changes, config=config) for changes in candidates)
    return [trial for trial in trials if trial is not None]


def extend_trials(trials: Sequence[Trial], later: Sequence[Trial]) -> list[Trial]:
    """Adds the losses after another moment, and keeps the trials that can still win.

    Args:
        trials: so far, the configuration first; none before the first moment.
        later: of some of them after another moment.

    Returns:
        The configuration first, and those whose loss after the moment is no higher; what was there before
        where nothing could be tried.

    >>> base, worse = Trial({}, np.array([[1.0]])), Trial({"max_leaves": 4}, np.array([[2.0]]))
    >>> [trial.changes for trial in extend_trials([], [base, worse])]
    [{}]
    """
    at_moment = [trial for trial in later if not later[0].changes and not trial.is_above(later[0])]
    if not trials or not at_moment:
        return at_moment or list(trials)
    return [
        replace(before, losses=np.concatenate([before.losses, trial.losses]))
        for before in trials
        for trial in at_moment
        if before.changes == trial.changes
    ]


def _try(
    split: TimeSplit, fit_data: FitData, changes: Mapping[str, Any], *, config: TrainingConfig
) -> Trial | None:
    """Fits the earlier rows; None where only one outcome occurs in them."""
    config = config.model_copy(update=dict(changes))
    early, late = split.early, split.late
    if config.training_window_days is not None:
        oldest = split.moment_us + round(config.training_window_days * US_PER_DAY)
        ended = since_bin_end(fit_data.labels, early.example, early.time_bin, fit_data.time_edges_days)
        early = early.take(ended <= oldest)
    if not 0 < early.converted.sum() < len(early.converted):
        return None
    layout = Layout(fit_data.bins)
    model = fit_hazard(fit_data.codes, layout, early, config=config, later=late)
    losses = late.losses(logits_of_rows(model, fit_data.codes, layout, late))
    by_cluster = sums_at(losses, fit_data.cluster[late.example], count=int(fit_data.cluster.max()) + 1)
    # A changed window changes which rows a fit has; then its first step is another one.
    is_first_step = "training_window_days" not in changes
    return Trial(changes, by_cluster[np.newaxis], model if is_first_step else None)


def choose_trial(trials: Sequence[Trial], *, others: int) -> Trial | None:
    """Chooses among trials at the same moments; the first is the configuration and wins unless beaten.

    Args:
        trials: that are left.
        others: number of candidates beside the configuration that were tried at first.

    >>> base = Trial({}, np.array([[1.0, 2.0], [3.0, 4.0]]))
    >>> choose_trial([base, Trial({"max_leaves": 4}, base.losses - 0.1)], others=3).changes
    {'max_leaves': 4}
    >>> choose_trial([base, Trial({"max_leaves": 4}, base.losses[:, ::-1])], others=3).changes
    {}
    """
    if not trials:
        return None
    best = min(trials, key=lambda trial: float(trial.losses.sum()))
    return best if is_significantly_better(best, trials[0], others=others) else trials[0]


def is_significantly_better(trial: Trial, base: Trial, *, others: int) -> bool:
    """Tells whether a trial has a lower loss than another: at every moment, and beyond chance.

    Args:
        trial: the best of the others.
        base: what it is compared with.
        others: how many there were; Bonferroni's inequality bounds the chance that any passes without being
            better.
    """
    saved = base.losses - trial.losses
    by_cluster = saved.sum(axis=0)
    least = norm.isf(_FALSE_ALARM / 2 / max(others, 1)) * error_of_sum(by_cluster)
    return bool(saved.sum(axis=1).min() >= 0 and by_cluster.sum() > least)
