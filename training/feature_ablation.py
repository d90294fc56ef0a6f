"""What features would buy: the same fits with and without them, judged on the same later leads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from features.catalog.spec import Feature, FeatureSet
from features.engine.engine import compile_plan, compute_features
from features.engine.matrix import FeatureMatrix
from features.progress import Progress, silent
from features.sources.open_source import Source
from models.scorecard.scorecard import Scorecard
from training.backtesting.predictions import BacktestPredictions
from training.backtesting.rolling_fits import (
    collect_predictions,
    make_fits,
    plan_final_fit,
    plan_origin_fits,
    search_hyperparameters,
)
from training.config import TrainingConfig
from training.data_checks.data_gate import pass_gate
from training.examples.dataset import Dataset, build_dataset, read_for_training, union_of
from training.examples.origins import HorizonNotSupportedError
from training.metrics.bootstrap import Estimate, mean_estimate, ratio_estimate
from training.metrics.formulas import log_losses


@dataclass(frozen=True, slots=True)
class FeatureAblation:
    """What features buy, measured at the origins of the past.

    Attributes:
        added: names of the features.
        change: log loss with them above that without, as a part of the latter: below 0 they help. Paired:
            both are judged on the same examples, and drawn with the same leads.
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
        """The same for a person."""
        one = self.change
        said = "they help" if one.high < 0 else "they hurt" if one.low > 0 else "not told apart from nothing"
        losses = f"{self.log_loss_without.value:.4f} -> {self.log_loss.value:.4f}"
        return (
            f"{', '.join(self.added)}: log loss {losses}, "
            f"{one.value:+.2%} [{one.low:+.2%}, {one.high:+.2%}] on {one.n} later examples: {said}"
        )


def ablate_features(
    source: Source,
    added: Sequence[Feature],
    *,
    config: TrainingConfig,
    observed_until: int | None = None,
    progress: Progress = silent,
) -> FeatureAblation:
    """Refits at every origin with and without some features; nothing is registered.

    The catalogue is the configured one, or the default one of each origin; what a search finds without the
    features is taken for both, so that they alone make the difference.

    Args:
        source: a folder, a database URL, or tables in memory.
        added: declarations that the catalogue does not have.
        config: everything that can be set.
        observed_until: last instant for which outcomes are complete, microseconds UTC.
        progress: told how far each stage has come.

    Raises:
        FeatureDeclarationError: the catalogue has a feature of that name.
        HistoryError: something in the history, or a feature that predicts implausibly well, stops training.
        HorizonNotSupportedError: no moment of the past can be judged.
        NothingToJudgeError: no origin is left.
    """
    checked = read_for_training(source, config=config, observed_until=observed_until, progress=progress)
    dataset = _with_features(build_dataset(checked.history, config=config, progress=progress), added)
    dataset, _ = pass_gate(dataset, checked, source=source, config=config)
    without = plan_origin_fits(dataset, dataset.reference_feature_sets, config=config, has_baselines=False)
    without = search_hyperparameters(without, dataset, workers=config.workers, progress=progress)
    found = without[0].config
    beside = plan_origin_fits(dataset, dataset.feature_sets, config=found, has_baselines=False)
    last = plan_final_fit(dataset, config=found)
    final, *made = make_fits([last, *without, *beside], dataset, workers=config.workers, progress=progress)
    if final is None:
        raise HorizonNotSupportedError(
            horizon_days=dataset.horizon_days,
            shortest_days=config.time_edges_days[1],
            needed=config.min_conversions_per_bin,
        )
    return _compare(
        collect_predictions(dataset, without, made[: len(without)]),
        collect_predictions(dataset, beside, made[len(without) :]),
        added=tuple(feature.name for feature in added),
        scorecard=final.hazard.scorecard,
        config=config,
    )


def _with_features(dataset: Dataset, added: Sequence[Feature]) -> Dataset:
    """Adds features to every feature set; those without them stay as those of the rival."""
    extended = tuple(FeatureSet((*one.features, *added)) for one in dataset.feature_sets)
    plan = compile_plan(FeatureSet(tuple(added)))
    more = compute_features(plan, dataset.history, dataset.examples.examples)
    names = union_of(extended).names
    columns = [(more if name in more.names else dataset.matrix).column(name) for name in names]
    vocabularies = {**dataset.matrix.vocabularies, **more.vocabularies}
    return replace(
        dataset,
        matrix=FeatureMatrix(names, np.stack(columns), vocabularies),
        feature_sets=extended,
        reference_feature_sets=dataset.feature_sets,
    )


def _compare(
    without: BacktestPredictions,
    beside: BacktestPredictions,
    *,
    added: tuple[str, ...],
    scorecard: Scorecard,
    config: TrainingConfig,
) -> FeatureAblation:
    """Sets the losses of both against each other, example by example."""
    draws = {"seed": config.seed, "replicates": config.bootstrap_replicates}
    theirs, ours = (log_losses(one.predicted, one.converted) for one in (without, beside))
    return FeatureAblation(
        added=added,
        change=ratio_estimate(ours - theirs, theirs, beside.clusters, **draws),
        log_loss=mean_estimate(ours, beside.clusters, **draws),
        log_loss_without=mean_estimate(theirs, beside.clusters, **draws),
        scorecard=scorecard,
    )
