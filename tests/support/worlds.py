"""Worlds whose truth is known: every lead converts, and is lost, at constant rates of its own.

Two clocks run from the creation of a lead: one ends in its conversion, one in its loss, and the first to end
counts. Neither clock has a memory, so the true probability of an open lead is the same at every moment, and
one line of arithmetic computes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from features.history.lead_history import Attribute, Floats, Ints, LeadHistory
from features.times import US_PER_DAY
from tests.support.lead_fates import fate, history_of
from training.backtesting.planned_fits import plan_final_fit, plan_origin_fits
from training.backtesting.predictions import BacktestPredictions
from training.backtesting.rolling_fits import collect_predictions, make_fits
from training.config import TrainingConfig
from training.examples.dataset import Dataset, build_dataset
from training.fitting.scorecard_fit import FittedHazard


@dataclass(frozen=True, slots=True)
class World:
    """A history and what is behind it.

    Attributes:
        history: what anyone can know.
        conversion_rate: (leads,) a day.
        loss_rate: (leads,) a day.
    """

    history: LeadHistory
    conversion_rate: Floats
    loss_rate: Floats

    def probability(self, lead: Ints, horizon_days: float) -> Floats:
        """(n,) true P(conversion within the horizon) of open leads."""
        return converted_share(self.conversion_rate[lead], self.loss_rate[lead], horizon_days)


def converted_share(
    conversion_rate: Floats | float, loss_rate: Floats | float, days: Floats | float
) -> Floats:
    """The share of open leads that convert within some days, when others are lost meanwhile.

    Of two clocks without memory the first rings after an exponential time of the summed rate, and it is the
    conversion's with the odds of the rates.

    >>> round(float(converted_share(0.01, 0.02, 30.0)), 3)  # 1/3 (1 - exp(-0.9))
    0.198
    """
    both = np.asarray(conversion_rate) + loss_rate
    share: Floats = conversion_rate / both * -np.expm1(-both * days)
    return share


def arrivals(leads_count: int, *, days: float, seed: int, growth: float = 0.0) -> Floats:
    """(leads,) rising days of creation; their number a day grows by the factor exp(growth)."""
    even = np.sort(np.random.default_rng([seed, 0]).random(leads_count))
    return even * days if growth == 0 else np.log1p(even * np.expm1(growth * days)) / growth


def make_world(
    created: Floats,
    conversion_rate: Floats | float,
    loss_rate: Floats | float,
    attributes: Mapping[str, Attribute],
    *,
    days: float,
    seed: int,
) -> World:
    """Lets the clocks of all leads run, and looks at the outcomes `days` after the first creation.

    Args:
        created: (leads,) days.
        conversion_rate: (leads,) or of all, a day.
        loss_rate: likewise.
        attributes: what is known of the leads from their creation.
        days: from 0 to `observed_until`.
        seed: of the clocks.
    """
    rng = np.random.default_rng([seed, 1])
    rates = [np.broadcast_to(rate, created.shape).astype(np.float64) for rate in (conversion_rate, loss_rate)]
    converted, was_lost = (created + rng.exponential(size=len(created)) / rate for rate in rates)
    fates = []
    moments = [
        np.rint(each * US_PER_DAY).astype(np.int64).tolist() for each in (created, converted, was_lost)
    ]
    for at, won_at, lost_at in zip(*moments, strict=True):
        if min(won_at, lost_at) > days * US_PER_DAY:
            fates.append(fate(at))
        elif won_at < lost_at:
            fates.append(fate(at, converted_at=won_at))
        else:
            fates.append(fate(at, lost_at=lost_at))
    history = history_of(fates, observed_until=round(days * US_PER_DAY))
    return World(replace(history, attributes=dict(attributes)), *rates)


def numbers(values: Floats | Ints) -> Attribute:
    """An attribute of numbers."""
    return Attribute("number", np.asarray(values, dtype=np.float64))


def names(codes: Ints, categories: tuple[str, ...]) -> Attribute:
    """An attribute of categories."""
    return Attribute("category", np.asarray(codes, dtype=np.float64), categories)


def train_world(world: World, config: TrainingConfig) -> tuple[Dataset, FittedHazard]:
    """The final fit on a world, as `train` makes it."""
    dataset = build_dataset(world.history, config=config)
    (result,) = make_fits([plan_final_fit(dataset, config=config)], dataset, workers=1)
    if result is None:
        raise ValueError("the labels of this world do not reach the main horizon")
    return dataset, result.hazard


def backtest_world(world: World, config: TrainingConfig) -> BacktestPredictions:
    """The predictions at the origins of a world, as `backtest` makes them."""
    dataset = build_dataset(world.history, config=config)
    fits = plan_origin_fits(dataset, dataset.feature_sets, config=config)
    return collect_predictions(dataset, fits, make_fits(fits, dataset, workers=1))
