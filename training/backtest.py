"""Judges at moments of the past what would have been trained, and registers nothing."""

from __future__ import annotations

from features.progress import Progress, silent
from features.sources.open_source import Source
from training.backtesting.predictions import with_history_baselines
from training.backtesting.rolling_fits import (
    collect_predictions,
    make_fits,
    plan_origin_fits,
    search_hyperparameters,
)
from training.config import TrainingConfig
from training.data_checks.data_gate import pass_gate
from training.evaluation.evaluate import evaluate_fits
from training.evaluation.learning_curve import plan_learning_fits
from training.examples.dataset import build_dataset, read_for_training
from training.promotion.gate import decide
from training.promotion.gate_inputs import gather_gate_inputs
from training.results import BacktestOutcome


def backtest(
    source: Source,
    *,
    config: TrainingConfig,
    observed_until: int | None = None,
    progress: Progress = silent,
) -> BacktestOutcome:
    """Refits at every origin and judges it on what came after.

    Args:
        source: a folder, a database URL, or tables in memory.
        config: everything that can be set.
        observed_until: last instant for which outcomes are complete, microseconds UTC.
        progress: told how far each stage has come.

    Raises:
        HistoryError: something in the history stops training.
        HorizonNotSupportedError: no moment of the past can be judged.
    """
    checked = read_for_training(source, config=config, observed_until=observed_until, progress=progress)
    dataset = build_dataset(checked.history, config=config, progress=progress)
    dataset, problems = pass_gate(dataset, checked, source=source, config=config)
    fits = plan_origin_fits(dataset, dataset.feature_sets, config=config)
    fits = search_hyperparameters(fits, dataset, workers=config.workers, progress=progress)
    learning_fits = plan_learning_fits(dataset, fits)
    made = make_fits([*fits, *learning_fits], dataset, workers=config.workers, progress=progress)
    predictions = collect_predictions(dataset, fits, made[: len(fits)])
    if not config.quick:
        predictions = with_history_baselines(predictions, dataset, config=config)
    _, evaluation = evaluate_fits(
        predictions,
        dataset,
        learning=list(zip(learning_fits, made[len(fits) :], strict=True)),
        final=None,
        config=config,
    )
    draws = {"seed": config.seed, "replicates": config.bootstrap_replicates}
    evidence = gather_gate_inputs(predictions, evaluation, problems=problems, champion=None, **draws)
    return BacktestOutcome(dataset.horizon_days, decide(evidence), evaluation, dataset.notes)
