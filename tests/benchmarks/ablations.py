"""What each part of the method contributes: backtests with one thing changed, on the same test examples.

`python -m tests.benchmarks.ablations HISTORY...` prints one Markdown table for each history. What is changed
is the way of learning; the test examples are those of the configured grid at the same origins, so that
the difference of log loss is paired, and its 95 % interval is by account, or by lead where there is none.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import Final
from unittest.mock import patch

import numpy as np

from features.catalog.spec import Feature, FeatureSet
from features.engine.engine import compute_features
from features.engine.matrix import Examples, FeatureMatrix
from features.engine.plan import compile_plan
from features.history.lead_history import Floats
from features.progress import silent
from training.backtesting.jobs import SCORECARD, FitSpec
from training.backtesting.planned_fits import plan_origin_fits, search_hyperparameters
from training.backtesting.predictions import BacktestPredictions
from training.backtesting.rolling_fits import collect_predictions, make_fits
from training.config import TrainingConfig
from training.examples.dataset import Dataset, build_dataset, read_for_training
from training.examples.examples import ExampleSet, draw_examples
from training.examples.labels import converted_within, is_mature, label_examples
from training.fitting.design_matrix import Layout
from training.metrics.bootstrap import Bootstrap, ratio_estimate
from training.metrics.formulas import log_losses

# An example with this teaches nothing at any origin.
_NEVER_OBSERVED: Final = -1

Change = Callable[[FitSpec], FitSpec]


@dataclass(frozen=True, slots=True)
class Variant:
    """One change of the method.

    Attributes:
        name: what is changed, for the table.
        change: of a fit; None where it would change nothing in this history.
        grid_spacing_days: of the training examples, where it differs.
        within: context in which the fits are made.
    """

    name: str
    change: Change | None
    grid_spacing_days: float | None = None
    within: Callable[[], AbstractContextManager[None]] = nullcontext


def main(sources: list[str]) -> None:
    """Prints the table of each history."""
    for source in sources:
        sys.stdout.write(f"\n### {source.rstrip('/').rsplit('/', 1)[-1]}\n\n")
        for line in ablate(source):
            sys.stdout.write(line + "\n")
            sys.stdout.flush()


def ablate(source: str, *, config: TrainingConfig | None = None) -> Iterator[str]:
    """Backtests a history as configured, then with one thing changed at a time.

    Yields:
        Lines of a Markdown table; differences above 0 are losses.
    """
    config = config or TrainingConfig(workers=1)
    history = read_for_training(source, config=config, observed_until=None, progress=silent).history
    dataset = build_dataset(history, config=config)
    fits = plan_origin_fits(dataset, dataset.feature_sets, config=config, has_baselines=False)
    fits = search_hyperparameters(fits, dataset, workers=config.workers)
    base = collect_predictions(dataset, fits, make_fits(fits, dataset, workers=config.workers))
    loss = log_losses(base.predicted, base.converted)
    yield (
        f"Log loss {loss.mean():.5f}, predicted over observed {_level(base, base.predicted):.3f}; "
        f"{len(loss):,} examples at {len(base.origins)} origins, {dataset.horizon_days:g} days.\n"
    )
    yield "| changed | log loss | 95 % interval | predicted over observed |"
    yield "|---|---|---|---|"
    yield _row("level shift off", base, base.log_odds[SCORECARD], base, config)
    for variant in variants(dataset, config=config):
        predictions = _backtest(variant, dataset, fits, config=config)
        if predictions is None:
            yield f"| {variant.name} | | nothing to change in this history | |"
        else:
            yield _row(variant.name, predictions, predictions.predicted, base, config)


def variants(dataset: Dataset, *, config: TrainingConfig) -> Iterator[Variant]:
    """Lists the changes that are tried."""
    features = [feature for feature_set in dataset.feature_sets for feature in feature_set.features]
    yield Variant("pairs off", _with_setting(pairs=0))
    yield Variant("feature by time bin off", _same, within=_features_alone)
    yield Variant(
        "decay features off", _without(lambda feature: feature.measure == "decayed_count", features)
    )
    yield Variant("account features off", _without(lambda feature: feature.scope == "account", features))
    yield Variant("mature examples only", _mature_only)
    for spacing in (1.0, 3.0, 7.0):
        if spacing != config.grid_spacing_days:
            interval = "day" if spacing == 1 else f"{spacing:g} days"
            yield Variant(f"an example every {interval}", _same, grid_spacing_days=spacing)
    yield Variant("learning from the last 180 days", _with_setting(training_window_days=180.0))
    yield Variant("learning from everything", _with_setting(training_window_days=None))


def _backtest(
    variant: Variant, dataset: Dataset, fits: tuple[FitSpec, ...], *, config: TrainingConfig
) -> BacktestPredictions | None:
    """Makes the fits of a variant and predicts the same test examples."""
    if variant.change is None:
        return None
    # What the search fitted belongs to the fit as it was.
    changed = tuple(variant.change(replace(fit, ensemble=None)) for fit in fits)
    if variant.grid_spacing_days is not None:
        other = config.model_copy(update={"grid_spacing_days": variant.grid_spacing_days})
        dataset, changed = _learn_from_other_examples(dataset, changed, config=other)
    with variant.within():
        # One process: the context does not reach others.
        return collect_predictions(dataset, changed, make_fits(changed, dataset, workers=1))


def _learn_from_other_examples(
    dataset: Dataset, fits: tuple[FitSpec, ...], *, config: TrainingConfig
) -> tuple[Dataset, tuple[FitSpec, ...]]:
    """Appends examples of another grid to those of the dataset, and trains on them instead."""
    history, first = dataset.history, dataset.examples
    drawn = draw_examples(history, config=config)
    by_name = {each.name: each for feature_set in dataset.feature_sets for each in feature_set.features}
    feature_set = FeatureSet(tuple(by_name[name] for name in dataset.matrix.names))
    added = compute_features(compile_plan(feature_set), history, drawn.examples)
    examples = Examples(
        np.concatenate([first.examples.lead, drawn.examples.lead]),
        np.concatenate([first.examples.as_of, drawn.examples.as_of]),
    )
    labels = label_examples(history, examples, observed_until=history.observed_until)
    both = replace(
        dataset,
        examples=ExampleSet(examples, np.concatenate([first.from_creation, drawn.from_creation])),
        labels=labels,
        outcome=converted_within(labels, dataset.horizon_days),
        matrix=FeatureMatrix(
            added.names, np.concatenate([dataset.matrix.values, added.values], axis=1), added.vocabularies
        ),
    )
    is_first = np.arange(len(examples.lead)) < len(first)
    changed = []
    for fit, origin in zip(fits, dataset.origins, strict=True):
        known = label_examples(history, examples, observed_until=origin.at)
        observed = np.where(is_first, _NEVER_OBSERVED, known.observed_us)
        labels = replace(known, observed_us=observed)
        changed.append(replace(fit, labels=labels, cluster=both.clusters))
    return both, tuple(changed)


def _row(
    name: str,
    predictions: BacktestPredictions,
    log_odds: Floats,
    base: BacktestPredictions,
    config: TrainingConfig,
) -> str:
    """Compares with the method as it is, at the origins that both have."""
    at = {origin.at for origin in predictions.origins}
    shared = np.array([origin.at in at for origin in base.origins])[base.origin]
    theirs = log_losses(base.predicted[shared], base.converted[shared])
    difference = log_losses(log_odds, predictions.converted) - theirs
    bootstrap = Bootstrap(config.seed, config.bootstrap_replicates)
    change = ratio_estimate(difference, theirs, predictions.clusters, bootstrap)
    missing = len(base.origins) - len(predictions.origins)
    note = f" ({missing} origins without a fit)" if missing else ""
    return (
        f"| {name}{note} | {change.value:+.2%} | {change.low:+.2%} to {change.high:+.2%} "
        f"| {_level(predictions, log_odds):.3f} |"
    )


def _level(predictions: BacktestPredictions, log_odds: Floats) -> float:
    """Predicted over observed conversions."""
    return float((1 / (1 + np.exp(-log_odds))).sum() / predictions.converted.sum())


def _same(fit: FitSpec) -> FitSpec:
    """Leaves the fit as it is."""
    return fit


def _with_setting(**changes: float | None) -> Change:
    """Changes the configuration."""
    return lambda fit: replace(fit, config=fit.config.model_copy(update=changes))


def _without(is_left_out: Callable[[Feature], bool], features: list[Feature]) -> Change | None:
    """Leaves features out; None where the history has none of them."""
    if not any(map(is_left_out, features)):
        return None

    def change(fit: FitSpec) -> FitSpec:
        kept = tuple(feature for feature in fit.feature_set.features if not is_left_out(feature))
        return replace(fit, feature_set=FeatureSet(kept))

    return change


def _mature_only(fit: FitSpec) -> FitSpec:
    """Trains on no example whose horizon was not over at the origin."""
    observed = fit.labels.observed_us
    mature = np.where(is_mature(fit.labels, fit.horizon_days), observed, _NEVER_OBSERVED)
    return replace(fit, labels=replace(fit.labels, observed_us=mature))


@contextmanager
def _features_alone() -> Iterator[None]:
    """Lets no feature act differently by time bin."""

    def constraints(layout: Layout) -> list[set[int]]:
        return [{position} for position in range(len(layout.bins) + 1)]

    with patch.object(Layout, "interaction_constraints", property(constraints)):
        yield


if __name__ == "__main__":
    main(sys.argv[1:])
