"""The learning curve: the log loss of fits on a quarter and half of the leads, so whether more would help."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from features.history.known import conversions_of_leads
from features.history.lead_history import Bools, Floats, Ints
from features.history.outcomes import lead_of_rows
from training.backtesting.jobs import SCORECARD, FitResult, FitSpec
from training.backtesting.predictions import BacktestPredictions
from training.examples.dataset import Dataset
from training.examples.labels import Labels
from training.metrics.bootstrap import Bootstrap, Estimate, mean_estimate
from training.metrics.formulas import log_losses
from training.sampling import lead_keys, uniform_of

SHARES: Final = (0.25, 0.5)
_SUBSET: Final = 10  # stream of the seeded draw
# A difference below this part of the log loss is negligible.
_NEGLIGIBLE: Final = 0.005


@dataclass(frozen=True, slots=True)
class LearningPoint:
    """How a fit on a share of the leads predicted.

    Attributes:
        share: of the leads.
        leads: of the share, created before the origin.
        conversions: of these leads, known at the origin.
        log_loss: on the test examples of the last origin, without level shift.
        against_all: mean paired difference of log loss, of the share less of all leads.
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
    """Plans refits of the last origin on shares of the leads; the smaller share lies within the larger.

    Args:
        dataset: what is fitted on.
        fits: of the origins.

    Returns:
        None planned in a quick training.
    """
    last = fits[-1]
    return () if last.config.quick else tuple(_fit_on_share(last, dataset, share) for share in SHARES)


def learning_curve(
    predictions: BacktestPredictions,
    dataset: Dataset,
    results: Sequence[tuple[FitSpec, FitResult | None]],
    bootstrap: Bootstrap,
) -> tuple[LearningPoint, ...]:
    """Compares fits on shares of the leads with the fit on all leads, on the same test examples.

    Args:
        predictions: of the fits on all leads.
        dataset: what was fitted on.
        results: fits of `plan_learning_fits` with what came of them; shares whose labels do not reach the
            main horizon are left out.
        bootstrap: of the intervals; its seed also draws the leads of a share.

    Returns:
        Rising, all leads last; empty where no share could be fitted.
    """
    last = predictions.origin == len(predictions.origins) - 1
    converted, clusters = predictions.converted[last], predictions.clusters[last]
    at = predictions.origins[-1].at
    if not 0 < converted.sum() < len(converted):
        return ()
    log_odds: dict[float, Floats] = {
        share: result.log_odds[SCORECARD]
        for share, (fit, result) in zip(SHARES, results, strict=False)
        if result is not None and np.array_equal(fit.test, predictions.test[last])
    }
    if not log_odds:
        return ()
    log_odds[1.0] = predictions.log_odds[SCORECARD][last]
    losses = {share: log_losses(of_share, converted) for share, of_share in log_odds.items()}
    return tuple(
        LearningPoint(
            share,
            *_counts(dataset, _drawn_leads(dataset, share, seed=bootstrap.seed), at),
            mean_estimate(loss, clusters, bootstrap),
            mean_estimate(loss - losses[1.0], clusters, bootstrap),
        )
        for share, loss in losses.items()
    )


def conclude(points: Sequence[LearningPoint]) -> str:
    """Concludes in one sentence whether more leads would help.

    Args:
        points: of `learning_curve`, at least two.
    """
    before, whole = points[-2], points[-1]
    gain = before.against_all
    lowered = (
        f"{gain.value:.5f} [{gain.low:.5f}, {gain.high:.5f}], {100 * gain.value / whole.log_loss.value:.1f} %"
    )
    doubled = f"going from {before.leads:,} to {whole.leads:,} leads"
    if gain.low > 0:
        return f"More leads would probably help: {doubled} lowered the log loss by {lowered} of it."
    if gain.high < _NEGLIGIBLE * whole.log_loss.value:
        return (
            f"More leads of the same kind would change little: {doubled} lowered the log loss by {lowered}."
        )
    return (
        f"Whether more leads would help cannot be told from so few tests: {doubled} lowered the log loss by "
        f"{lowered}, which chance alone could explain."
    )


def curve_to_json(points: Sequence[LearningPoint]) -> Mapping[str, Any]:
    """Turns the curve into an object, with its sentence."""
    record: dict[str, Any] = {"points": [point.to_json() for point in points]}
    return record | ({"conclusion": conclude(points)} if len(points) > 1 else {})


def _fit_on_share(fit: FitSpec, dataset: Dataset, share: float) -> FitSpec:
    """Restricts a fit to a share of the leads: nothing is observed of the others, and fewer rows are used.

    Every bound on rows shrinks with the share. A bound that all shares reach would show that more leads
    change nothing, whatever they bring.
    """
    is_in = _drawn_leads(dataset, share, seed=fit.config.seed)[dataset.lead]
    labels = Labels(fit.labels.time_to_conversion_us, np.where(is_in, fit.labels.observed_us, -1))
    smaller = {
        "max_rows": round(fit.config.max_rows * share),
        "unthinned_rows": round(fit.config.unthinned_rows * share),
        "horizons_days": (fit.horizon_days,),
    }
    config = fit.config.model_copy(update=smaller)
    return replace(fit, labels=labels, has_baselines=False, takes_settings=False, config=config)


def _drawn_leads(dataset: Dataset, share: float, *, seed: int) -> Bools:
    """(leads,) whether each belongs to a share; the draw of a lead depends on its id alone."""
    return np.asarray(uniform_of(lead_keys(dataset.history.lead_ids), seed=seed, stream=_SUBSET) < share)


def _counts(dataset: Dataset, is_in: Bools, at: int) -> tuple[int, int]:
    """Counts the drawn leads created before a moment, and their conversions known at it."""
    history = dataset.history
    created: Ints = history.created_at[is_in]
    outcomes = history.outcomes
    converted = np.unique(lead_of_rows(outcomes)[conversions_of_leads(history, at)])
    return int((created < at).sum()), int(is_in[converted].sum())
