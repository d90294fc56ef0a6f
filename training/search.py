"""The small search for boosting parameters, once a training: tried at the first origin, used at all of them.

Each setting is fitted on the earlier rows of the first origin and judged on its later ones, so that every
origin uses only what was known at it. A setting other than the configured one must surely be better, for a
later slice is a noisy judge: one standard error let settings pass that lost 0.6 % of the log loss on one
real history.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Final

import numpy as np

from features.columns import Floats
from features.times import US_PER_DAY
from training.boosting import fit_hazard
from training.config import TrainingConfig
from training.ensemble import Layout, hazard_of_rows
from training.lesson import Lesson
from training.slices import error_of_sum, part_rows, sums_by_lead

# Multiples of the configured leaves and pull towards zero.
_LEAVES: Final = (0.5, 1.0, 2.0)
_PULL: Final = (0.3, 1.0, 3.0)

# Standard errors, by lead, by which another setting must be better.
_SURELY: Final = 1.96

_SETTINGS: Final = 10  # stream of the seeded draw


@dataclass(frozen=True, slots=True)
class Trial:
    """A setting, and how it did on later rows.

    Attributes:
        changes: keys of the configuration with the values tried.
        losses: (leads,) weighted log loss of each lead's later rows.
    """

    changes: Mapping[str, Any]
    losses: Floats


def settings_to_try(config: TrainingConfig, *, learnt_days: float) -> list[dict[str, Any]]:
    """Lists the settings to try: the configured one, some drawn from a small grid, and a recency window.

    Args:
        config: seed, search_budget, and what the grid lies around.
        learnt_days: from the first example to the origin; the window tried is the younger half.

    >>> settings_to_try(TrainingConfig(search_budget=2), learnt_days=100)
    [{}, {'max_leaves': 16, 'l2_regularization': 450.0}, {'learn_from_days': 50}]
    """
    grid = [
        {"max_leaves": max(2, round(config.max_leaves * leaves)), "l2_regularization": pull}
        for leaves, pull in product(_LEAVES, (config.l2_regularization * times for times in _PULL))
        if (leaves, pull) != (1.0, config.l2_regularization)
    ]
    order = np.random.default_rng([config.seed, _SETTINGS]).permutation(len(grid))
    drawn = [{}, *(grid[place] for place in order)][: config.search_budget]
    recency = {"learn_from_days": max(1.0, round(learnt_days / 2))}
    return drawn if config.learn_from_days is not None else [*drawn, recency]


def try_setting(lesson: Lesson, changes: Mapping[str, Any], *, config: TrainingConfig) -> Trial | None:
    """Fits a setting on the earlier rows and judges it on the later ones.

    Args:
        lesson: of the first origin.
        changes: keys of the configuration with the values to try.
        config: everything else.

    Returns:
        None where either part has too few conversions.
    """
    slices = part_rows(lesson)
    if slices is None:
        return None
    setting = config.model_copy(update=changes)
    early = slices.early
    if setting.learn_from_days is not None:
        oldest = slices.moment_us + round(setting.learn_from_days * US_PER_DAY)
        early = early.take(lesson.labels.observed_us[early.example] <= oldest)
    if not 0 < early.converted.sum() < len(early.converted):
        return None
    layout = Layout(lesson.bins)
    model = fit_hazard(lesson.codes, layout, early, config=setting, later=slices.late)
    losses = slices.late.losses(hazard_of_rows(model, lesson.codes, layout, slices.late))
    return Trial(changes, sums_by_lead(losses, lesson.lead[slices.late.example]))


def choose_setting(trials: Sequence[Trial | None]) -> Mapping[str, Any]:
    """Chooses among trials of one slice; the first is the configured setting and wins unless beaten.

    >>> base = Trial({}, np.array([1.0, 2.0, 3.0, 4.0]))
    >>> choose_setting([base, Trial({"max_leaves": 4}, base.losses - 0.1)])
    {'max_leaves': 4}
    >>> choose_setting([base, Trial({"max_leaves": 4}, base.losses[::-1])])
    {}
    """
    made = [trial for trial in trials if trial is not None]
    if not made:
        return {}
    best = min(made, key=lambda trial: float(trial.losses.sum()))
    return best.changes if is_surely_better(best, made[0]) else {}


def is_surely_better(trial: Trial, base: Trial) -> bool:
    """Tells whether a trial lost less than another by more than chance by lead would make it."""
    saved = base.losses - trial.losses
    return bool(saved.sum() > _SURELY * error_of_sum(saved))
