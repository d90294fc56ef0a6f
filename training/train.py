"""A whole training: history in, a judged and registered version out, promoted if the gate allows."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any, Final

from features.checks.checked_history import CheckedHistory
from features.engine.engine import compute_here
from features.engine.matrix import Compute
from features.progress import Progress, silent
from features.sources.open_source import Source, display_name
from models.bundle.bundle import Bundle
from models.home.home import Home
from models.registry.registry import open_registry
from models.registry.runs import Run, flatten
from training.backtesting.champion_refit import champion_log_odds, predicts_the_same, read_champion_config
from training.backtesting.predictions import BacktestPredictions, with_history_baselines
from training.backtesting.rolling_fits import (
    collect_predictions,
    fit_all_replicas,
    make_fits,
    plan_final_fit,
    plan_origin_fits,
    search_hyperparameters,
)
from training.bundling.build import TrainedModel, make_bundle
from training.config import TrainingConfig
from training.data_checks.data_gate import pass_gate
from training.evaluation.evaluate import evaluate_fits
from training.evaluation.learning_curve import plan_learning_fits
from training.examples.dataset import Dataset, build_dataset, read_for_training
from training.examples.origins import HorizonNotSupportedError
from training.promotion.gate import decide
from training.promotion.gate_inputs import gather_gate_inputs
from training.report.write import PAGE, write_report
from training.results import TrainingOutcome

_US_PER_MS: Final = 1_000
# Kept in the card and the report; names of their groups come from the history, and MLflow refuses many.
_NOT_AS_METRICS: Final = ("parts", "reliability", "gains_curve", "training_distribution")
_PARAMETERS: Final = ("config", "horizon_days", "history_from", "observed_until", "feature_set", "trained_on")


def train(
    source: Source,
    *,
    home: Path,
    config: TrainingConfig,
    observed_until: int | None = None,
    promote: bool = False,
    compute: Compute = compute_here,
    progress: Progress = silent,
) -> TrainingOutcome:
    """Fits, judges on later leads, registers, and promotes if that is wished and the gate allows it.

    Args:
        source: a folder, a database URL, or tables in memory.
        home: the folder that holds all state.
        config: everything that can be set.
        observed_until: last instant for which outcomes are complete, microseconds UTC.
        promote: whether the version shall become the champion.
        compute: what computes the features of the examples.
        progress: told how far each stage has come.

    Raises:
        HistoryError: something in the history stops training.
        HorizonNotSupportedError: no moment of the past can be judged.
    """
    checked = read_for_training(source, config=config, observed_until=observed_until, progress=progress)
    made = _find_out(
        checked, source=source, home=Home(home), config=config, compute=compute, progress=progress
    )
    registry = open_registry(home)
    with registry.run("train") as run:
        bundle = make_bundle(
            made, config=config, run_id=run.run_id, created_at=run.started_at_ms * _US_PER_MS
        )
        _log(run, made, bundle, source=source)
        version = registry.register(run, bundle)
    if promote and made.verdict.may_win:
        registry.promote(version)
    progress("registered", 1.0)
    return TrainingOutcome(
        model_version=version,
        run_id=run.run_id,
        bundle=registry.home.bundle_folder(version).absolute(),
        horizon_days=made.dataset.horizon_days,
        is_promoted=promote and made.verdict.may_win,
        refused=promote and not made.verdict.may_win,
        verdict=made.verdict,
        evaluation=made.evaluation,
        notes=made.dataset.notes,
        report=run.path_of(PAGE),
    )


def _find_out(
    checked: CheckedHistory,
    *,
    source: Source,
    home: Home,
    config: TrainingConfig,
    compute: Compute,
    progress: Progress,
) -> TrainedModel:
    """Does all that needs no registry."""
    rival = read_champion_config(home, config=config)
    dataset = build_dataset(checked.history, config=config, rival=rival, compute=compute, progress=progress)
    dataset, problems = pass_gate(dataset, checked, source=source, config=config)
    workers = config.workers
    fits = plan_origin_fits(dataset, dataset.feature_sets, config=config)
    fits = search_hyperparameters(fits, dataset, workers=workers, progress=progress)
    learning_fits = plan_learning_fits(dataset, fits)
    last = plan_final_fit(dataset, config=fits[0].config)
    final, *made = make_fits([last, *fits, *learning_fits], dataset, workers=workers, progress=progress)
    if final is None:
        raise _not_supported(dataset, config)
    predictions = collect_predictions(dataset, fits, made[: len(fits)])
    champion = predictions.predicted if rival is not None else None
    if rival is not None and not predicts_the_same(rival, config):
        champion = champion_log_odds(
            predictions, _judge_rival(rival, dataset, workers=workers, progress=progress)
        )
    hazard = fit_all_replicas(last, final.hazard, dataset, workers=workers, progress=progress)
    draws = {"seed": config.seed, "replicates": config.bootstrap_replicates}
    progress("figures", 0.0)
    if not config.quick:
        predictions = with_history_baselines(predictions, dataset, config=config)
    evaluation_inputs, evaluation = evaluate_fits(
        predictions,
        dataset,
        learning=list(zip(learning_fits, made[len(fits) :], strict=True)),
        final=hazard.scorecard,
        config=config,
    )
    evidence = gather_gate_inputs(predictions, evaluation, problems=problems, champion=champion, **draws)
    progress("figures", 1.0)
    verdict = decide(evidence)
    return TrainedModel(
        dataset, hazard, predictions, evaluation, verdict, checked.digests, problems, evaluation_inputs
    )


def _judge_rival(
    rival: TrainingConfig, dataset: Dataset, *, workers: int, progress: Progress
) -> BacktestPredictions:
    """Refits the champion's recipe at the same origins."""
    fits = plan_origin_fits(dataset, dataset.reference_feature_sets, config=rival, has_baselines=False)
    fits = search_hyperparameters(fits, dataset, workers=workers, progress=progress)
    return collect_predictions(dataset, fits, make_fits(fits, dataset, workers=workers, progress=progress))


def _not_supported(dataset: Dataset, config: TrainingConfig) -> HorizonNotSupportedError:
    """Tells that even all that is known says nothing about the main horizon."""
    return HorizonNotSupportedError(
        horizon_days=dataset.horizon_days,
        shortest_days=config.time_edges_days[1],
        needed=config.min_conversions_per_bin,
    )


def _log(run: Run, made: TrainedModel, bundle: Bundle, *, source: Source) -> None:
    """Keeps in MLflow what was set, read and found."""
    card = bundle.card.to_json()
    run.log_params(flatten({name: card[name] for name in _PARAMETERS}))
    for table, digest in made.digests.items():
        run.log_dataset(table, digest=digest, source=display_name(source))
    evaluation: dict[str, Any] = card["evaluation"]
    by_origin: list[dict[str, Any]] = evaluation.pop("by_origin")
    told = {name: figures for name, figures in evaluation.items() if name not in _NOT_AS_METRICS}
    run.log_metrics(_numbers(told))
    for number, record in enumerate(by_origin):
        run.log_metrics(_numbers({"origin": record}), step=number)
    with tempfile.TemporaryDirectory() as folder:
        write_report(made, bundle, folder=Path(folder))
        run.log_files(Path(folder))


def _numbers(record: dict[str, Any]) -> dict[str, float]:
    """Takes the numbers of nested objects, by names with points."""
    return {name: value for name, value in flatten(record).items() if isinstance(value, int | float)}
