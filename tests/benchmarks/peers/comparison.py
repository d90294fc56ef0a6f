"""The scorecard beside LightGBM, CatBoost and InterpretML's EBM, on the same features, origins and examples.

`python -m tests.benchmarks.peers HISTORY...` prints one Markdown table for each history; `make figures`
writes them into the page of figures. The peers are fitted at the two origins at which a training fits its
baselines, on the mature examples known there, each in a process of its own with bounded processor time.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

import numpy as np

from features.engine.matrix import FeatureMatrix
from features.history.lead_history import Floats
from features.progress import silent
from models.scorecard.bins import encode
from models.scorecard.hazards import sigmoid
from models.scorecard.points import points
from tests.benchmarks.peers.models import PEERS, Peer, PeerModel
from tests.benchmarks.sections import table
from training.backtesting.jobs import FitResult, FitSpec, make_fit, prepare_fit
from training.backtesting.planned_fits import plan_origin_fits, search_hyperparameters
from training.backtesting.predictions import BacktestPredictions
from training.backtesting.rolling_fits import collect_predictions
from training.baselines.baseline import BaselineInputs
from training.baselines.mature_boosting import MatureExamples, gather_mature, mature_boosting_log_odds
from training.config import TrainingConfig
from training.examples.dataset import Dataset, build_dataset, read_for_training
from training.metrics.bootstrap import Bootstrap, metric_estimates, ratio_estimate
from training.metrics.formulas import log_losses
from training.report.text import figure_text

OURS: Final = "LeadOdds"
SKLEARN: Final = "scikit-learn boosting"
# Processor seconds that a peer may take for a fit, its choices included.
MOST_SECONDS: Final = 300
# Rows explained one after the other; the median counts.
_EXPLAINED: Final = 30

Head: Final = (
    "",
    "log-loss skill",
    "log loss against ours",
    "expected / observed",
    "AUC",
    "a fit, processor",
    "one row with reasons",
)


@dataclass(frozen=True, slots=True)
class Run:
    """What a model took and predicted at one origin.

    Attributes:
        log_odds: (m,) of the test examples.
        fit_seconds: of the processor, with all that is chosen before the fit.
        row_seconds: of the processor, for one row with its reasons; NaN where the library gives none.
    """

    log_odds: Floats
    fit_seconds: float
    row_seconds: float


@dataclass(frozen=True, slots=True)
class Compared:
    """All models at the origins that are compared.

    Attributes:
        predictions: of the scorecard, at all origins, with what was observed.
        numbers: of the origins that are compared, rising.
        runs: by model, one run for each of them; None where it took too long.
    """

    predictions: BacktestPredictions
    numbers: tuple[int, ...]
    runs: dict[str, list[Run | None]]


def main(arguments: Sequence[str]) -> None:
    """Prints the table of each history."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("histories", nargs="+")
    for source in parser.parse_args(arguments).histories:
        sys.stdout.write(f"\n### {Path(source).name}\n\n")
        sys.stdout.write("\n".join(peers_table(source)) + "\n")
        sys.stdout.flush()


def peers_table(source: str) -> list[str]:
    """Fits all models of one history and writes their table."""
    config = TrainingConfig(workers=1)
    history = read_for_training(source, config=config, observed_until=None, progress=silent).history
    dataset = build_dataset(history, config=config)
    compared = compare_models(dataset, config=config)
    return list(figures_lines(compared, config=config))


def compare_models(dataset: Dataset, *, config: TrainingConfig) -> Compared:
    """Makes the fits of all origins, and those of the peers where baselines are compared."""
    planned = plan_origin_fits(dataset, dataset.feature_sets, config=config)
    fits = search_hyperparameters(
        [replace(fit, has_baselines=False) for fit in planned], dataset, workers=config.workers
    )
    # The first step of a fit may have been made by the search; here every fit makes its own.
    fits = tuple(replace(fit, ensemble=None) for fit in fits)
    made = [_timed(lambda fit=fit: make_fit(fit, dataset.matrix, dataset.lead)) for fit in fits]
    results = [result for result, _ in made]
    predictions = collect_predictions(dataset, fits, results)
    runs: dict[str, list[Run | None]] = {name: [] for name in (OURS, SKLEARN, *(p.name for p in PEERS))}
    numbers = []
    kept = [number for number, result in enumerate(results) if result is not None and len(fits[number].test)]
    for place, number in enumerate(kept):
        if not planned[number].has_baselines:
            continue
        numbers.append(place)
        fit, result = fits[number], results[number]
        inputs = _inputs(fit, result, dataset)
        log_odds = predictions.predicted[predictions.origin == place]
        runs[OURS].append(Run(log_odds, made[number][1], _row_seconds_of_ours(result, inputs)))
        odds, seconds = _timed(lambda inputs=inputs: mature_boosting_log_odds(inputs))
        runs[SKLEARN].append(Run(odds, seconds, float("nan")))
        mature = gather_mature(inputs)
        for peer in PEERS:
            runs[peer.name].append(bounded(lambda peer=peer, mature=mature: _run(peer, mature, config.seed)))
    return Compared(predictions, tuple(numbers), runs)


def figures_lines(compared: Compared, *, config: TrainingConfig) -> Iterator[str]:
    """Writes the table: every model on the same test examples."""
    predictions, bootstrap = compared.predictions, Bootstrap(config.seed, config.bootstrap_replicates)
    mask = np.isin(predictions.origin, compared.numbers)
    converted, cluster = predictions.converted[mask], predictions.clusters[mask]
    ours = log_losses(predictions.predicted[mask], converted)
    rows = []
    for name, runs in compared.runs.items():
        if any(run is None for run in runs):
            rows.append((name, f"no fit within {MOST_SECONDS} processor seconds", "", "", "", "", ""))
            continue
        done = [run for run in runs if run is not None]
        odds = np.concatenate([run.log_odds for run in done])
        figures = metric_estimates(sigmoid(odds), converted, cluster, bootstrap)
        skill, level, auc = (
            figures[metric] for metric in ("log_loss_skill", "calibration_in_the_large", "auc")
        )
        change = ratio_estimate(log_losses(odds, converted) - ours, ours, cluster, bootstrap)
        rows.append(
            (
                name,
                figure_text(skill),
                "" if name == OURS else f"{change.value:+.1%} [{change.low:+.1%}, {change.high:+.1%}]",
                figure_text(level, digits=2),
                f"{auc.value:.3f}",
                f"{done[-1].fit_seconds:.1f} s",
                "none" if np.isnan(done[-1].row_seconds) else f"{1e3 * done[-1].row_seconds:.2f} ms",
            )
        )
    yield (
        f"{len(converted):,} test examples at {len(compared.numbers)} origins, {int(converted.sum()):,} of "
        f"them converted within {predictions.horizon_days:g} days.\n"
    )
    yield from table(Head, rows)


def bounded(work: Callable[[], Any], *, seconds: int = MOST_SECONDS) -> Any:
    """Runs work in a process of its own; None where it takes more processor seconds than allowed.

    Raises:
        RuntimeError: it ended with an error, which it has printed.
    """
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_bounded, args=(work, theirs, seconds))
    process.start()
    theirs.close()
    try:
        outcome = ours.recv()
    except EOFError:
        outcome = None
    process.join()
    if (process.exitcode or 0) > 0:
        raise RuntimeError("a peer ended with an error")
    return outcome


def _bounded(work: Callable[[], Any], answer: Connection, seconds: int) -> None:
    """Runs in the process: the system ends it after its processor seconds."""
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    answer.send(work())


def _run(peer: Peer, mature: MatureExamples, seed: int) -> Run:
    """Fits a peer and predicts the rows after the mature ones."""
    model, seconds = _timed(lambda: peer.fit(mature, seed))
    tested = mature.values[len(mature.converted) :]
    return Run(model.log_odds(tested), seconds, _row_seconds(model, tested))


def _row_seconds(model: PeerModel, values: Floats) -> float:
    """Measures one row with its reasons."""

    def explain(row: Floats) -> None:
        model.log_odds(row)
        model.reasons(row)

    return _median_seconds([lambda row=values[[place]]: explain(row) for place in range(_EXPLAINED)])


def _row_seconds_of_ours(result: FitResult, inputs: BaselineInputs) -> float:
    """Measures one row with its points, from the values of its features."""
    scorecard, tested = result.hazard.scorecard, inputs.tested

    def explain(place: int) -> None:
        row = FeatureMatrix(tested.names, tested.values[:, [place]], tested.vocabularies)
        points(scorecard, encode(scorecard.bins, row))

    return _median_seconds([lambda place=place: explain(place) for place in range(_EXPLAINED)])


def _median_seconds(works: Sequence[Callable[[], None]]) -> float:
    """Processor seconds of the median; the first prepares what all need.

    Of this thread: where processor seconds are bounded, those of the process are counted in whole ticks.
    """
    works[0]()
    seconds = []
    for work in works:
        started = time.thread_time()
        work()
        seconds.append(time.thread_time() - started)
    return float(np.median(seconds))


def _inputs(fit: FitSpec, result: FitResult, dataset: Dataset) -> BaselineInputs:
    """Gathers what a baseline is given at an origin."""
    matrix = dataset.matrix
    fit, fit_data = prepare_fit(fit, matrix, dataset.lead)
    tested = FeatureMatrix(matrix.names, matrix.values[:, fit.test], matrix.vocabularies)
    scorecard = result.hazard.scorecard
    return BaselineInputs(
        matrix=matrix,
        feature_set=fit.feature_set,
        labels=fit.labels,
        test=fit.test,
        tested=tested,
        horizon_days=fit.horizon_days,
        config=fit.config,
        fit_data=fit_data,
        scorecard=scorecard,
        codes=encode(scorecard.bins, tested),
    )


def _timed(work: Callable[[], Any]) -> tuple[Any, float]:
    """Gives what work returns, and its processor seconds."""
    started = time.process_time()
    outcome = work()
    return outcome, time.process_time() - started
