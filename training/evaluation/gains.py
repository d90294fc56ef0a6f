"""What the leads called first hold: lift, conversions and revenue, at shares and at what sales can call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from features.history.lead_history import Floats, Ints
from models.scorecard.hazards import sigmoid
from training.backtesting.predictions import BacktestPredictions
from training.evaluation.capacity import Capacity, called_weights
from training.metrics.bootstrap import Estimate, ends, ratio_estimates, replicate_sums
from training.metrics.formulas import captured, captured_of_groups, equal_mass_bins, sum_by_lead

# Groups of equal mass on which a replicate ranks what it drew: twenty of them within the smallest share.
_GROUPS: Final = 2_000

SHARES: Final = (0.01, 0.05, 0.10, 0.20)
AT_CAPACITY: Final = "at_capacity"


@dataclass(frozen=True, slots=True)
class Gain:
    """What the leads called first hold.

    Attributes:
        share: part of the open leads that is called.
        lift: how many times more often than all they convert.
        conversions: part of all conversions among them.
        revenue: part of all amounts among them; None where no amount is known.
        leads_per_week: how many that is, where it is the capacity of sales.
    """

    share: float
    lift: Estimate
    conversions: Estimate
    revenue: Estimate | None
    leads_per_week: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Turns the gain into an object."""
        told = {"share": self.share, "lift": self.lift.to_json(), "conversions": self.conversions.to_json()}
        if self.revenue is not None:
            told["revenue"] = self.revenue.to_json()
        if self.leads_per_week is not None:
            told["leads_per_week"] = self.leads_per_week
        return told


def gains(
    predictions: BacktestPredictions,
    amount: Floats | None,
    capacity: Capacity | None,
    *,
    seed: int,
    replicates: int,
) -> dict[str, Gain]:
    """Computes lift and capture with their intervals; a replicate ranks the leads that it drew anew.

    Args:
        predictions: of the test examples, with what was observed.
        amount: (n,) what the conversion brought, 0 without one or where it is not known; None without any.
        capacity: leads that sales can call in a week; None where it is not known.
        seed: of the replicates.
        replicates: how many draws.
    """
    probability, observed = sigmoid(predictions.predicted), predictions.converted.astype(np.float64)
    amounts = [observed] if amount is None else [observed, amount]
    drawn = [
        _errors(probability, one, predictions.clusters, seed=seed, replicates=replicates) for one in amounts
    ]
    found: dict[str, Gain] = {}
    for place, share in enumerate(SHARES):
        figures = [
            _figure(captured(probability, one, share=share), errors[place], n=len(probability))
            for one, errors in zip(amounts, drawn, strict=True)
        ]
        found[f"at_{share * 100:g}"] = _gain(share, figures)
    if capacity is not None:
        found[AT_CAPACITY] = _at_capacity(predictions, capacity, amounts, seed=seed, replicates=replicates)
    return found


def gains_to_json(found: Mapping[str, Gain]) -> dict[str, Any]:
    """Turns gains into objects by name."""
    return {name: gain.to_json() for name, gain in found.items()}


def _errors(probability: Floats, amount: Floats, unit: Ints, *, seed: int, replicates: int) -> Floats:
    """Gives (shares, replicates) by how much the part that the first hold differs in a replicate."""
    group = equal_mass_bins(probability, bins=_GROUPS)
    sums = sum_by_lead(
        np.concatenate((np.ones(len(unit)), amount)),
        np.concatenate((group, group + _GROUPS)),
        np.tile(unit, 2),
        rows_count=2 * _GROUPS,
    )
    count, held = np.split(replicate_sums(sums, seed=seed, replicates=replicates), 2)
    whole_count, whole_held = np.split(np.asarray(sums.sum(axis=1)).reshape(-1, 1), 2)
    drawn = captured_of_groups(count, held, shares=SHARES)
    return drawn - captured_of_groups(whole_count, whole_held, shares=SHARES)


def _figure(value: float, errors: Floats, *, n: int) -> Estimate:
    """Puts a value and the errors of its replicates together."""
    low, high = ends(value + errors)
    return Estimate(value, min(low, value), max(high, value), n)


def _gain(share: float, figures: list[Estimate], *, leads_per_week: float | None = None) -> Gain:
    """Makes a gain of the parts of conversions and, if there are amounts, of revenue."""
    conversions = figures[0]
    lift = Estimate(
        conversions.value / share, conversions.low / share, conversions.high / share, conversions.n
    )
    return Gain(share, lift, conversions, figures[1] if len(figures) > 1 else None, leads_per_week)


def _at_capacity(
    predictions: BacktestPredictions, capacity: Capacity, amounts: list[Floats], *, seed: int, replicates: int
) -> Gain:
    """Calls the best open leads of every week; who is called stays the same in all replicates."""
    called = called_weights(sigmoid(predictions.predicted), predictions.as_of, capacity)
    figures = ratio_estimates(
        [called * one for one in amounts], amounts, predictions.clusters, seed=seed, replicates=replicates
    )
    return _gain(float(called.mean()), figures, leads_per_week=capacity.leads_per_week)
