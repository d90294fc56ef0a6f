"""The learning curve: what half and a quarter of the leads would have taught, so whether more would help."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from features.history.known import is_known
from features.history.lead_history import CONVERTED, Bools, Floats, Ints
from training.backtesting.jobs import SCORECARD, FitResult, FitSpec
from training.backtesting.predictions import BacktestPredictions
from training.examples.dataset import Dataset
from training.examples.labels import Labels
from training.metrics.bootstrap import Estimate, mean_estimate
from training.metrics.formulas import log_losses
from training.sampling import lead_keys, uniform_of

SHARES: Final = (0.25, 0.5)
_SUBSET: Final = 10  # stream of the seeded draw
# A difference below this part of the log loss would not be noticed.
_NOTICED: Final = 0.005


@dataclass(frozen=True, slots=True)
class LearningPoint:
    """What a share of the leads taught.

    Attributes:
        share: of the leads.
        leads: that had been created by then.
        conversions: of them, known by then.
        log_loss: on the test examples of the last origin, without level shift.
        against_all: mean paired difference of log loss, less that of all leads.
    """

    share: float
    leads: int
    conversions: int
    log_loss: Estimate
    against_all: Estimate

    def to_json(self) -> dict[str, Any]:
        """Turns the point into an object."""
        counts = {"share": self.share, "leads": self.leads, "conversions": self.conversions}
        return {**counts, "log_loss": self.log_loss.to_json(), "against_all": self.against_all.to_json()}


def plan_learning_fits(dataset: Dataset, fits: Sequence[FitSpec]) -> tuple[FitSpec, ...]:
    """Plans the refits of the last origin on a part of the leads; the smaller part lies within the larger.

    Args:
        dataset: what is fitted on.
        fits: of the origins; quick ones plan none.
    """
    last = fits[-1]
    return () if last.config.quick else tuple(_part_of(last, dataset, share) for share in SHARES)


def learning_curve(
    predictions: BacktestPredictions,
    dataset: Dataset,
    made: Sequence[tuple[FitSpec, FitResult | None]],
    *,
    seed: int,
    replicates: int,
) -> tuple[LearningPoint, ...]:
    """Compares what parts of the leads taught with what all did, on the same test examples.

    Args:
        predictions: promises of the fits on all leads.
        dataset: what was fitted on.
        made: fits of `plan_learning_fits` and what came of them; parts that taught nothing about the horizon
            are left out.
        seed: of the replicates.
        replicates: how many draws.

    Returns:
        Rising, all leads last; empty where no part taught anything.
    """
    last = predictions.origin == len(predictions.origins) - 1
    observed, clusters = predictions.converted[last], predictions.clusters[last]
    at = predictions.origins[-1].at
    if not 0 < observed.sum() < len(observed):
        return ()
    predicted: dict[float, Floats] = {
        share: fitted.log_odds[SCORECARD]
        for share, (fit, fitted) in zip(SHARES, made, strict=False)
        if fitted is not None and np.array_equal(fit.test, predictions.test[last])
    }
    if not predicted:
        return ()
    predicted[1.0] = predictions.log_odds[SCORECARD][last]
    losses = {share: log_losses(log_odds, observed) for share, log_odds in predicted.items()}
    draws = {"seed": seed, "replicates": replicates}
    return tuple(
        LearningPoint(
            share,
            *_counts(dataset, _drawn_leads(dataset, share, seed=seed), at),
            mean_estimate(loss, clusters, **draws),
            mean_estimate(loss - losses[1.0], clusters, **draws),
        )
        for share, loss in losses.items()
    )


def conclude(points: Sequence[LearningPoint]) -> str:
    """Says in one sentence whether more leads would help.

    Args:
        points: of `learning_curve`, at least two.
    """
    before, whole = points[-2], points[-1]
    gain = before.against_all
    told = (
        f"{gain.value:.5f} [{gain.low:.5f}, {gain.high:.5f}], {100 * gain.value / whole.log_loss.value:.1f} %"
    )
    doubled = f"going from {before.leads:,} to {whole.leads:,} leads"
    if gain.low > 0:
        return f"More leads would probably help: {doubled} lowered the log loss by {told} of it."
    if gain.high < _NOTICED * whole.log_loss.value:
        return f"More leads of the same kind would change little: {doubled} lowered the log loss by {told}."
    return (
        f"Whether more leads would help cannot be told from so few tests: {doubled} lowered the log loss by "
        f"{told}, which chance alone could explain."
    )


def curve_to_json(points: Sequence[LearningPoint]) -> Mapping[str, Any]:
    """Turns the curve into an object, with its sentence."""
    told: dict[str, Any] = {"points": [point.to_json() for point in points]}
    return told | ({"conclusion": conclude(points)} if len(points) > 1 else {})


def _part_of(fit: FitSpec, dataset: Dataset, share: float) -> FitSpec:
    """Makes a fit on a part of the leads: of the others nothing is observed, and fewer rows are wanted."""
    is_in = _drawn_leads(dataset, share, seed=fit.config.seed)[dataset.lead]
    labels = Labels(fit.labels.time_to_conversion_us, np.where(is_in, fit.labels.observed_us, -1))
    smaller = {
        "max_rows_per_lead": fit.config.max_rows_per_lead * share,
        "horizons_days": (fit.horizon_days,),
    }
    return replace(fit, labels=labels, has_baselines=False, config=fit.config.model_copy(update=smaller))


def _drawn_leads(dataset: Dataset, share: float, *, seed: int) -> Bools:
    """Tells (leads,) who belongs to a share; the draw of a lead depends on its id alone."""
    return np.asarray(uniform_of(lead_keys(dataset.history.lead_ids), seed=seed, stream=_SUBSET) < share)


def _counts(dataset: Dataset, is_in: Bools, at: int) -> tuple[int, int]:
    """Counts leads created, and conversions known, before a moment."""
    history = dataset.history
    created: Ints = history.created_at[is_in]
    outcomes = history.outcomes
    known = (outcomes.outcome == CONVERTED) & is_known(outcomes.available_at, at)
    return int((created < at).sum()), int(known[is_in].sum())
