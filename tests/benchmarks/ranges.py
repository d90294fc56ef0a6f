"""How often ranges hold the true probability, and how much of its skill a model reaches, by size and seed.

`python -m tests.benchmarks.ranges --leads 2000 5000 --seeds 1-20` simulates companies whose true odds are
known, trains as `leadodds train` does (baselines, learning curve and report apart, which change no
prediction), and prints one Markdown table for each size. `--no-search` leaves out the search for
hyperparameters, which takes a third of the time and hardly ever changes them. `--keep FOLDER` keeps the fits
of each training there and makes none that it finds: a run that was ended goes on, and another rule of making
ranges of the same fits is judged within seconds.
"""

from __future__ import annotations

import argparse
import pickle
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow.parquet as pq

from features.engine.engine import compute_features
from features.engine.matrix import Examples
from features.engine.plan import compile_plan
from features.history.lead_history import Floats
from features.progress import silent
from models.scorecard.bins import ByteCodes, encode
from models.scorecard.prediction import predict
from training.backtesting.planned_fits import plan_final_fit, plan_origin_fits, search_hyperparameters
from training.backtesting.predictions import BacktestPredictions
from training.backtesting.rolling_fits import collect_predictions, make_fits
from training.config import TrainingConfig
from training.examples.dataset import Dataset, build_dataset, read_for_training
from training.fitting.scorecard_fit import FittedHazard
from training.pipeline import require_fit, with_level
from training.simulator.simulate import simulate_company
from training.simulator.summary import measure_skill

PARTS: Final = 15  # of equal numbers of leads, by predicted probability
LOWEST: Final = 0.6


@dataclass(frozen=True, slots=True)
class Training:
    """What takes long to make, and all that ranges are made of.

    Attributes:
        hazard: the final fit with its replicas, without what the tests show.
        predictions: at past origins.
        codes: (leads, features) of the leads that are open at the end.
        true: (leads,) probabilities of these leads.
        seconds: of the processor.
    """

    hazard: FittedHazard
    predictions: BacktestPredictions
    codes: ByteCodes
    true: Floats
    seconds: float


@dataclass(frozen=True, slots=True)
class SeedFigures:
    """Figures of one training, over the leads that are open at the end.

    Attributes:
        seed: of the simulated company.
        held: (15,) part of the leads in each fifteenth whose range holds the true probability.
        below: part of the leads whose true probability lies below their range.
        width: median width of the ranges in probability: of all leads, and of the lowest 60 %.
        share: of the log-loss skill of the true probabilities.
        level: sum of the predicted over sum of the true probabilities.
        lowest: the same of the lowest 60 %.
        seconds: of the processor.
    """

    seed: int
    held: Floats
    below: float
    width: tuple[float, float]
    share: float
    level: float
    lowest: float
    seconds: float


def main(arguments: Sequence[str]) -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--leads", type=int, nargs="+", default=[5_000])
    parser.add_argument("--seeds", default="1-3", help="such as 1-10 or 1,5,9")
    parser.add_argument("--no-search", action="store_true")
    parser.add_argument("--keep", type=Path, help="folder of the fits; those in it are not made again")
    asked = parser.parse_args(arguments)
    for size in asked.leads:
        lines = ranges_lines(size, seeds_of(asked.seeds), is_searching=not asked.no_search, keep=asked.keep)
        for line in lines:
            sys.stdout.write(line + "\n")
            sys.stdout.flush()


def ranges_lines(
    size: int, seeds: Sequence[int], *, is_searching: bool = True, keep: Path | None = None
) -> Iterator[str]:
    """Trains on a company of each seed and writes their table, line by line."""
    config, figures = TrainingConfig(workers=1), []
    yield from ("", f"### {size:,} leads{'' if is_searching else ', without search'}", "", *_HEADER)
    for seed in seeds:
        name = f"{size}_{seed}{'' if is_searching else '_without_search'}.pickle"
        training = kept(
            None if keep is None else keep / name,
            partial(make_training, size, seed, config=config, is_searching=is_searching),
        )
        figures.append(compare(seed, training, config=config))
        yield _row(str(seed), [figures[-1]])
    yield from (_row("all", figures), "")
    yield from summary(figures)


def kept(file: Path | None, make: Callable[[], Training]) -> Training:
    """Takes a training from its file; where there is none, makes it and writes it, whole or not at all."""
    if file is not None and file.exists():
        found: Training = pickle.loads(file.read_bytes())
        return found
    made = make()
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        part = file.with_suffix(".part")
        part.write_bytes(pickle.dumps(made))
        part.rename(file)
    return made


def seeds_of(text: str) -> list[int]:
    """Reads seeds.

    >>> seeds_of("1-3,7")
    [1, 2, 3, 7]
    """
    seeds = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        seeds += range(int(first), int(last or first) + 1)
    return seeds


def make_training(size: int, seed: int, *, config: TrainingConfig, is_searching: bool) -> Training:
    """Simulates a company and makes the fits that its ranges come from."""
    started = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "company"
        simulate_company(out, leads_count=size, seed=seed)
        checked = read_for_training(str(out / "history"), config=config, observed_until=None, progress=silent)
        truth = pq.read_table(out / "truth.parquet")
    history = checked.history
    dataset = build_dataset(history, config=config)
    hazard, predictions = train(dataset, config=config, is_searching=is_searching)
    row_of = {lead_id: row for row, lead_id in enumerate(history.lead_ids.to_pylist())}
    lead = np.array([row_of[lead_id] for lead_id in truth["lead_id"].to_pylist()])
    examples = Examples(lead, np.full(len(lead), history.observed_until, dtype=np.int64))
    matrix = compute_features(compile_plan(dataset.feature_sets[-1]), history, examples)
    return Training(
        hazard=hazard,
        predictions=predictions,
        codes=encode(hazard.scorecard.bins, matrix),
        true=truth["probability"].to_numpy(),
        seconds=time.process_time() - started,
    )


def train(
    dataset: Dataset, *, config: TrainingConfig, is_searching: bool
) -> tuple[FittedHazard, BacktestPredictions]:
    """Makes the fits that the final scorecard comes from."""
    fits = plan_origin_fits(dataset, dataset.feature_sets, config=config, has_baselines=False)
    if is_searching:
        fits = search_hyperparameters(fits, dataset, workers=config.workers)
    final = plan_final_fit(dataset, config=fits[0].config, has_replicas=True)
    result, *results = make_fits([final, *fits], dataset, workers=config.workers)
    hazard = require_fit(result, dataset, config=config).hazard
    return hazard, collect_predictions(dataset, fits, results)


def compare(seed: int, training: Training, *, config: TrainingConfig) -> SeedFigures:
    """Compares predictions and ranges of open leads with their true probabilities."""
    true, scorecard = (
        training.true,
        with_level(training.hazard, training.predictions, config=config).scorecard,
    )
    found = predict(scorecard, training.codes)
    order = np.argsort(found.probability, kind="stable")
    low = order[: int(LOWEST * len(order))]
    is_held = (found.low <= true) & (true <= found.high)
    width = found.high - found.low
    return SeedFigures(
        seed=seed,
        held=np.array([is_held[part].mean() for part in np.array_split(order, PARTS)]),
        below=float((true < found.low).mean()),
        width=(float(np.median(width)), float(np.median(width[low]))),
        share=measure_skill(found.probability, true) / measure_skill(true, true),
        level=float(found.probability.sum() / true.sum()),
        lowest=float(found.probability[low].sum() / true[low].sum()),
        seconds=training.seconds,
    )


_HEADER: Final = (
    "| seed | held | true probability below the range | worst fifteenth | median width | of the lowest 60 % "
    "| share of the oracle's skill | promised / true | of the lowest 60 % | processor |",
    "|---|---|---|---|---|---|---|---|---|---|",
)


def _row(name: str, figures: Sequence[SeedFigures]) -> str:
    """One line: means over seeds; the worst fifteenth is that of all seeds together."""

    def mean(values: Iterator[float]) -> float:
        return float(np.mean(list(values)))

    held = np.mean([each.held for each in figures], axis=0)
    return (
        f"| {name} | {held.mean():.1%} | {mean(each.below for each in figures):.1%} | {held.min():.0%} "
        f"| {mean(each.width[0] for each in figures):.4f} | {mean(each.width[1] for each in figures):.4f} "
        f"| {mean(each.share for each in figures):.1%} | {mean(each.level for each in figures):.2f} "
        f"| {mean(each.lowest for each in figures):.2f} | {mean(each.seconds for each in figures):.0f} s |"
    )


def summary(figures: Sequence[SeedFigures]) -> Iterator[str]:
    """Words what is asked of ranges and skill over all seeds."""
    held = np.array([each.held.mean() for each in figures])
    parts = np.mean([each.held for each in figures], axis=0)
    share = np.array([each.share for each in figures])
    yield f"{len(figures)} seeds: ranges hold {held.mean():.1%}, at the lowest seed {held.min():.1%}."
    yield "Fifteenths, from the lowest odds: " + ", ".join(f"{part:.0%}" for part in parts) + "."
    yield f"Share of the oracle's skill {share.mean():.1%}, lowest {share.min():.1%}."


if __name__ == "__main__":
    # Fits that are kept name their module, which is not to be the one that was started.
    from tests.benchmarks import ranges

    ranges.main(sys.argv[1:])
