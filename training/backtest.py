"""Tests at moments of the past what would have been trained: a run with its figures, and no version."""

from __future__ import annotations

from pathlib import Path

from features.history.extent import creations_begin
from features.progress import Progress, silent
from features.sources.open_source import Source
from features.times import format_time
from models.registry.registry import open_registry
from models.registry.runs import flatten
from training.bundling.build import recorded_config
from training.config import TrainingConfig
from training.pipeline import run_backtest
from training.prepared_data import prepare_data
from training.results import BacktestOutcome
from training.tracking import log_evaluation, run_tags, source_of_run


def backtest(
    source: Source,
    *,
    home: Path,
    config: TrainingConfig,
    observed_until: int | None = None,
    now: int | None = None,
    progress: Progress = silent,
) -> BacktestOutcome:
    """Refits at every origin and compares the predictions with what was observed afterwards.

    Args:
        source: a folder, a database URL, or tables in memory.
        home: the folder that holds all state; the run is kept there.
        config: everything that can be set.
        observed_until: last instant for which outcomes are complete, microseconds UTC.
        now: microseconds UTC; rows known after it do not move `observed_until`. None: no such bound.
        progress: called as the stages advance.

    Raises:
        HistoryError: something in the history stops training.
        NothingToEvaluateError: no test example, or only one outcome among them.
        RegistryError: the database or server cannot be used.
    """
    with open_registry(home).run("backtest", tags=run_tags(config)) as run:
        data = prepare_data(source, config=config, observed_until=observed_until, now=now, progress=progress)
        dataset, history = data.dataset, data.dataset.history
        run.log_params(
            flatten(
                {
                    "config": recorded_config(config),
                    "horizon_days": dataset.horizon_days,
                    "history_from": format_time(creations_begin(history)),
                    "observed_until": format_time(history.observed_until),
                }
            )
        )
        result = run_backtest(data, config=config, progress=progress)
        log_evaluation(
            run,
            result.evaluation,
            result.predictions,
            history=history,
            source=source_of_run(source, history, data.digests, config=config),
            feature_set=dataset.feature_sets[-1],
        )
    return BacktestOutcome(
        dataset.horizon_days, result.verdict, result.evaluation, dataset.notes, run_id=run.run_id
    )
