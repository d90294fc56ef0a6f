"""Tests at moments of the past what would have been trained, and registers nothing."""

from __future__ import annotations

from features.progress import Progress, silent
from features.sources.open_source import Source
from training.config import TrainingConfig
from training.pipeline import prepare_data, run_backtest
from training.results import BacktestOutcome


def backtest(
    source: Source,
    *,
    config: TrainingConfig,
    observed_until: int | None = None,
    now: int | None = None,
    progress: Progress = silent,
) -> BacktestOutcome:
    """Refits at every origin and compares the predictions with what was observed afterwards.

    Args:
        source: a folder, a database URL, or tables in memory.
        config: everything that can be set.
        observed_until: last instant for which outcomes are complete, microseconds UTC.
        now: microseconds UTC; rows known after it do not move `observed_until`. None: no such bound.
        progress: called as the stages advance.

    Raises:
        HistoryError: something in the history stops training.
        NothingToEvaluateError: no test example, or only one outcome among them.
    """
    data = prepare_data(source, config=config, observed_until=observed_until, now=now, progress=progress)
    result = run_backtest(data, config=config, progress=progress)
    return BacktestOutcome(data.dataset.horizon_days, result.verdict, result.evaluation, data.dataset.notes)
