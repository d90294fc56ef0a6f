"""What features would improve: the same fits with and without them, tested on the same later leads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from features.catalog.spec import Feature
from features.progress import Progress, silent
from features.sources.open_source import Source
from models.scorecard.scorecard import Scorecard
from training.backtesting.planned_fits import plan_final_fit, plan_origin_fits
from training.backtesting.predictions import BacktestPredictions
from training.backtesting.rolling_fits import collect_predictions, make_fits
from training.config import TrainingConfig
from training.metrics.bootstrap import Bootstrap, Estimate, mean_estimate, ratio_estimate
from training.metrics.formulas import log_losses
from training.pipeline import plan_fits, require_fit
from training.prepared_data import prepare_data


@dataclass(frozen=True, slots=True)
class FeatureAblation:
    """What features improve, measured at the origins of the past.

    Attributes:
        added: names of the features.
        change: log loss with them less that without, as a part of the latter: below 0 they help. Paired: both
            are computed on the same examples and draws.
        log_loss: with them.
        log_loss_without: without them.
        scorecard: fitted on everything with them, without level shift and replicas: for their curves.
    """

    added: tuple[str, ...]
    change: Estimate
    log_loss: Estimate
    log_loss_without: Estimate
    scorecard: Scorecard

    def __str__(self) -> str:
        """Summarizes the change for a person."""
        change = self.change
        conclusion = (
            "they help"
            if change.high < 0
            else "they hurt"
            if change.low > 0
            else "not told apart from nothing"
        )
        losses = f"{self.log_loss_without.value:.4f} -> {self.log_loss.value:.4f}"
        return (
            f"{', '.join(self.added)}: log loss {losses}, {change.value:+.2%} "
            f"[{change.low:+.2%}, {change.high:+.2%}] on {change.n} later examples: {conclusion}"
        )


def ablate_features(
    source: Source,
    added: Sequence[Feature],
    *,
    config: TrainingConfig,
    observed_until: int | None = None,
    now: int | None = None,
    progress: Progress = silent,
) -> FeatureAblation:
    """Refits at every origin with and without some features; nothing is registered.

    The catalogue is the configured one, or the default one of each origin. The hyperparameters that win
    without the features are used for both, so that the features alone make the difference.

    Args:
        source: a folder, a database URL, or tables in memory.
        added: declarations that the catalogue does not have.
        config: everything that can be set.
        observed_until: last instant for which outcomes are complete, microseconds UTC.
        now: microseconds UTC; rows known after it do not move `observed_until`. None: no such bound.
        progress: called as the stages advance.

    Raises:
        FeatureDeclarationError: the catalogue has a feature of that name.
        HistoryError: something in the history, or a feature that predicts implausibly well, stops training.
        NothingToEvaluateError: no origin is left.
    """
    dataset = prepare_data(
        source, config=config, observed_until=observed_until, now=now, added=added, progress=progress
    ).dataset
    fits_without = plan_fits(
        dataset, dataset.reference_feature_sets, config=config, has_baselines=False, progress=progress
    )
    searched = fits_without[0].config
    fits_with = plan_origin_fits(dataset, dataset.feature_sets, config=searched, has_baselines=False)
    final_fit = plan_final_fit(dataset, config=searched)
    final, *results = make_fits(
        [final_fit, *fits_without, *fits_with], dataset, workers=config.workers, progress=progress
    )
    scorecard = require_fit(final, dataset, config=config).hazard.scorecard
    return _compare(
        collect_predictions(dataset, fits_without, results[: len(fits_without)]),
        collect_predictions(dataset, fits_with, results[len(fits_without) :]),
        added=tuple(feature.name for feature in added),
        scorecard=scorecard,
        config=config,
    )


def _compare(
    without: BacktestPredictions,
    beside: BacktestPredictions,
    *,
    added: tuple[str, ...],
    scorecard: Scorecard,
    config: TrainingConfig,
) -> FeatureAblation:
    """Compares the losses without the features and with them, example by example."""
    bootstrap = Bootstrap(config.seed, config.bootstrap_replicates)
    losses = log_losses(beside.predicted, beside.converted)
    losses_without = log_losses(without.predicted, without.converted)
    return FeatureAblation(
        added=added,
        change=ratio_estimate(losses - losses_without, losses_without, beside.clusters, bootstrap),
        log_loss=mean_estimate(losses, beside.clusters, bootstrap),
        log_loss_without=mean_estimate(losses_without, beside.clusters, bootstrap),
        scorecard=scorecard,
    )
