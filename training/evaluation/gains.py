"""What the leads called first capture: lift, conversions and revenue, at shares and at sales capacity."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from features.history.lead_history import Floats, Ints
from models.scorecard.hazards import sigmoid
from training.backtesting.predictions import BacktestPredictions
from training.evaluation.capacity import Capacity, called_weights
from training.metrics.bootstrap import Bootstrap, Estimate, ends, ratio_estimates, replicate_sums
from training.metrics.cluster_sums import captured_of_groups, sum_by_cluster
from training.metrics.formulas import captured, equal_mass_bins

# Groups of equal mass by which a replicate ranks its draw: twenty of them lie within the smallest share.
_GROUPS: Final = 2_000

SHARES: Final = (0.01, 0.05, 0.10, 0.20)
AT_CAPACITY: Final = "at_capacity"


@dataclass(frozen=True, slots=True)
class Gain:
    """What the leads called first capture.

    Attributes:
        share: part of the open leads that is called.
        lift: how many times more often than average they convert.
        conversions: part of all conversions among them.
        revenue: part of all amounts among them; None where no amount is known.
        leads_per_week: how many leads that is, at the capacity of sales; None at a share.
    """

    share: float
    lift: Estimate
    conversions: Estimate
    revenue: Estimate | None
    leads_per_week: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Turns the gain into an object."""
        record = {"share": self.share, "lift": self.lift.to_json(), "conversions": self.conversions.to_json()}
        if self.revenue is not None:
            record["revenue"] = self.revenue.to_json()
        if self.leads_per_week is not None:
            record["leads_per_week"] = self.leads_per_week
        return record


def gains(
    predictions: BacktestPredictions,
    amount: Floats | None,
    capacity: Capacity | None,
    bootstrap: Bootstrap,
) -> dict[str, Gain]:
    """Computes lift and capture with their intervals; each replicate ranks the leads that it drew.

    Args:
        predictions: of the test examples, with what was observed.
        amount: (n,) amount of the conversion, 0 without a conversion or where it is not known; None where no
            amount is known.
        capacity: leads that sales can call in a week; None where it is not known.
        bootstrap: of the intervals.
    """
    probability, converted = sigmoid(predictions.predicted), predictions.converted.astype(np.float64)
    amounts = [converted] if amount is None else [converted, amount]
    errors = [_capture_errors(probability, each, predictions.clusters, bootstrap) for each in amounts]
    by_name: dict[str, Gain] = {}
    for place, share in enumerate(SHARES):
        captures = [
            _estimate(captured(probability, each, share=share), error[place], n=len(probability))
            for each, error in zip(amounts, errors, strict=True)
        ]
        by_name[f"at_{share * 100:g}"] = _gain(share, captures)
    if capacity is not None:
        by_name[AT_CAPACITY] = _gain_at_capacity(predictions, capacity, amounts, bootstrap)
    return by_name


def gains_to_json(by_name: Mapping[str, Gain]) -> dict[str, Any]:
    """Turns gains into objects by name."""
    return {name: gain.to_json() for name, gain in by_name.items()}


def _capture_errors(probability: Floats, amount: Floats, cluster: Ints, bootstrap: Bootstrap) -> Floats:
    """Computes (shares, replicates) by how much the captured part differs in a replicate."""
    group = equal_mass_bins(probability, bins=_GROUPS)
    sums = sum_by_cluster(
        np.concatenate((np.ones(len(cluster)), amount)),
        np.concatenate((group, group + _GROUPS)),
        np.tile(cluster, 2),
        rows_count=2 * _GROUPS,
    )
    count, amounts = np.split(replicate_sums(sums, bootstrap), 2)
    count_of_all, amounts_of_all = np.split(np.asarray(sums.sum(axis=1)).reshape(-1, 1), 2)
    of_replicates = captured_of_groups(count, amounts, shares=SHARES)
    return of_replicates - captured_of_groups(count_of_all, amounts_of_all, shares=SHARES)


def _estimate(value: float, errors: Floats, *, n: int) -> Estimate:
    """Puts a value and the errors of its replicates together."""
    low, high = ends(value + errors)
    return Estimate(value, min(low, value), max(high, value), n)


def _gain(share: float, captures: list[Estimate], *, leads_per_week: float | None = None) -> Gain:
    """Makes a gain of the captured parts of conversions and, if there are amounts, of revenue."""
    conversions = captures[0]
    lift = Estimate(
        conversions.value / share, conversions.low / share, conversions.high / share, conversions.n
    )
    return Gain(share, lift, conversions, captures[1] if len(captures) > 1 else None, leads_per_week)


def _gain_at_capacity(
    predictions: BacktestPredictions, capacity: Capacity, amounts: list[Floats], bootstrap: Bootstrap
) -> Gain:
    """Calls the best open leads of every week; who is called stays the same in all replicates."""
    called = called_weights(sigmoid(predictions.predicted), predictions.as_of, capacity)
    captures = ratio_estimates(
        [called * amount for amount in amounts], amounts, predictions.clusters, bootstrap
    )
    return _gain(float(called.mean()), captures, leads_per_week=capacity.leads_per_week)
