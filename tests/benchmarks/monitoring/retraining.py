"""What retraining is worth: never, every month, and when the monitor says so, over two simulated years.

`python -m tests.benchmarks.monitoring.retraining` simulates a company that changes twice, trains a first
model, and lives through 24 months. Each month it retrains: never; on schedule through the gate; on schedule
with the newest version always answering; and with `--when-needed`, after the monitor's verdict.
Every week each home scores all open leads with what was known then. It prints the log loss of each month
against what followed, and writes the section "Retraining over two years" of its page.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq

from features.checks.checked_history import read_history
from features.engine.matrix import Examples
from features.history.known import has_row, known_at
from features.history.lead_history import LeadHistory
from features.times import US_PER_DAY, to_datetime
from models.bundle.bundle import read_bundle
from models.home.home import Home
from serving.scoring.arrow_rows import score_table
from serving.scoring.predictor import Predictor
from tests.benchmarks.measurement import print_line
from tests.benchmarks.sections import machine, table, write_section
from training.config import TrainingConfig
from training.examples.labels import label_examples
from training.metrics.formulas import log_losses
from training.retrain import retrain
from training.simulator.changes import Change
from training.simulator.simulate import simulate_company
from training.simulator.world import end_after

# Days of the company: the first model, then months, each with a score of every open lead a week.
FIRST_DAY, MONTH, WEEK, HORIZON = 300, 30, 7, 30
CHANGES: Final = (Change("price", FIRST_DAY + 6 * MONTH), Change("doubled", FIRST_DAY + 15 * MONTH))
NEVER, GATED, NEWEST, NEEDED = "never", "monthly", "monthly, without the gate", "when needed"
POLICIES: Final = (NEVER, GATED, NEWEST, NEEDED)


@dataclass
class Losses:
    """Sums of log losses of one policy.

    Attributes:
        sums: by month.
        scores: by month, number of them.
        trained: months in which a version was trained.
        promoted: months in which another version answered afterwards.
    """

    sums: dict[int, float] = field(default_factory=dict)
    scores: dict[int, int] = field(default_factory=dict)
    trained: list[int] = field(default_factory=list)
    promoted: list[int] = field(default_factory=list)

    def mean(self, months: Sequence[int]) -> float:
        """Mean log loss of the scores of some months."""
        return sum(self.sums[month] for month in months) / sum(self.scores[month] for month in months)


def write_known(history: Path, out: Path, moment: int) -> None:
    """Writes the tables of a history as its company had them at a moment, microseconds UTC."""
    out.mkdir(parents=True, exist_ok=True)
    for file in history.glob("*.parquet"):
        rows = pq.read_table(file)
        known = "available_at" if "available_at" in rows.column_names else "created_at"
        pq.write_table(rows.filter(pc.less_equal(rows[known], to_datetime(moment))), out / file.name)


def retrain_at(company: Path, home: Path, moment: int, *, config: TrainingConfig, when_needed: bool) -> bool:
    """Runs the command at a moment, on what was known then; returns whether a version was trained."""
    known = company / "known"
    write_known(company / "history", known, moment)
    outcome = retrain(str(known), home=home, config=config, now=moment, when_needed=when_needed)
    return outcome.training is not None


def answering(home: Home, policy: str) -> str:
    """Names the version that answers: the champion, or the newest one where there is no gate."""
    version = home.versions()[-1] if policy == NEWEST else home.champion()
    if version is None:
        raise ValueError(f"{home.path} has no champion")
    return version


def score_month(
    history: LeadHistory, homes: Mapping[str, Home], month: int, losses: Mapping[str, Losses]
) -> None:
    """Scores all open leads every week of a month, and compares the scores with what followed."""
    answer = {policy: homes[policy].bundle_folder(answering(homes[policy], policy)) for policy in POLICIES}
    bundles = {policy: read_bundle(folder) for policy, folder in answer.items()}
    # Homes that were copied share versions: each is asked once.
    runs = {policy: str(bundle.card.run_id) for policy, bundle in bundles.items()}
    predictors = {runs[policy]: Predictor.from_bundle(bundle) for policy, bundle in bundles.items()}
    for day in range(FIRST_DAY + month * MONTH, FIRST_DAY + (month + 1) * MONTH, WEEK):
        as_of = end_after(day)
        known = known_at(history, as_of)
        leads = np.flatnonzero(has_row(known, as_of))
        followed = label_examples(
            history, Examples(leads, np.full(len(leads), as_of)), observed_until=history.observed_until
        )
        converted = followed.time_to_conversion_us <= HORIZON * US_PER_DAY
        given = {
            run: predictor.score(known, leads, as_of, reasons=0) for run, predictor in predictors.items()
        }
        for policy, run in runs.items():
            scores = given[run]
            is_open = ~followed.had_converted[scores.row]
            found = log_losses(scores.log_odds[is_open], converted[scores.row][is_open])
            own = losses[policy]
            own.sums[month] = own.sums.get(month, 0.0) + float(found.sum())
            own.scores[month] = own.scores.get(month, 0) + len(found)
        folder = homes[NEEDED].score_history
        folder.mkdir(exist_ok=True)
        ids = known.lead_ids.take(leads)
        rows = score_table(predictors[runs[NEEDED]], given[runs[NEEDED]], ids, scored_at=as_of)
        pq.write_table(rows, folder / f"{day:04d}.parquet")


def live_through(folder: Path, *, leads: int, seed: int, months: int) -> dict[str, Losses]:
    """Simulates the company, and retrains by each policy; returns the losses by policy."""
    days = FIRST_DAY + months * MONTH + HORIZON + WEEK
    simulate_company(folder, leads_count=leads, seed=seed, days=days, changes=CHANGES)
    # The gate asks for three origins, more than a quick training has. What it cannot compare yet stops no
    # promotion: a champion of a month has few later conversions.
    config = TrainingConfig(workers=1, origins=3, search_budget=0, accept_insufficient=True)
    first = folder / "first"
    retrain_at(folder, first, end_after(FIRST_DAY), config=config, when_needed=False)
    homes = {policy: Home(folder / f"home {place}") for place, policy in enumerate(POLICIES)}
    for home in homes.values():
        shutil.copytree(first, home.path, copy_function=shutil.copy2)
    losses = {policy: Losses() for policy in POLICIES}
    predictor = Predictor.from_bundle(read_bundle(Home(first).bundle_folder("1")))
    history = read_history(
        folder / "history", settings=predictor.settings, attribute_types=predictor.attribute_types
    ).history
    for month in range(months):
        for policy in (GATED, NEEDED) if month else ():
            before = answering(homes[policy], policy)
            if retrain_at(
                folder,
                homes[policy].path,
                end_after(FIRST_DAY + month * MONTH),
                config=config,
                when_needed=policy == NEEDED,
            ):
                losses[policy].trained.append(month)
            if answering(homes[policy], policy) != before:
                losses[policy].promoted.append(month)
        shown = {**homes, NEWEST: homes[GATED]}
        score_month(history, shown, month, losses)
        print_line(_month_line(month, losses))
    losses[NEWEST].trained = losses[NEWEST].promoted = losses[GATED].trained
    return losses


def _month_line(month: int, losses: Mapping[str, Losses]) -> str:
    figures = [f"{losses[policy].mean([month]):.4f}" for policy in POLICIES]
    return f"| {month + 1} | {losses[NEVER].scores[month]:,} | {' | '.join(figures)} |"


def lines_of(losses: Mapping[str, Losses], *, leads: int, seed: int) -> list[str]:
    """Writes the section: the stretches between the changes, then every month."""
    months = sorted(losses[NEVER].sums)
    starts = [0, *((change.day - FIRST_DAY) // MONTH for change in CHANGES), len(months)]
    names = ["before any change", *(f"after the change `{change.name}`" for change in CHANGES)]
    spans = [months[start:end] for start, end in pairwise(starts)]
    rows = [
        (name, *(f"{losses[policy].mean(span):.4f}" for policy in POLICIES))
        for name, span in [*zip(names, spans, strict=True), ("all months", months)]
        if span
    ]
    counts = [
        f"- {policy}: {len(own.trained)} trainings; another version answered after the months "
        f"{', '.join(map(str, own.promoted)) or '(none)'}."
        for policy, own in losses.items()
    ]
    of_months = [
        (
            str(month + 1),
            f"{losses[NEVER].scores[month]:,}",
            *(f"{losses[p].mean([month]):.4f}" for p in POLICIES),
        )
        for month in months
    ]
    return [
        machine(),
        "",
        f"A company of {leads:,} leads, whose last {len(months)} months are shown, seed {seed}; mean log "
        "loss of the weekly scores of all open leads.",
        "",
        *table(("", *POLICIES), rows),
        "",
        *counts,
        "",
        *table(("month", "scores", *POLICIES), of_months),
    ]


def main(arguments: Sequence[str]) -> None:
    """Prints the table and writes its section."""
    parser = argparse.ArgumentParser(prog="tests.benchmarks.monitoring.retraining", description=__doc__)
    parser.add_argument("--leads", type=int, default=6_000)
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--months", type=int, default=24)
    chosen = parser.parse_args(arguments)
    print_line(f"| month | scores | {' | '.join(POLICIES)} |\n|{'---|' * (len(POLICIES) + 2)}")
    with tempfile.TemporaryDirectory() as folder:
        losses = live_through(Path(folder), leads=chosen.leads, seed=chosen.seed, months=chosen.months)
    lines = lines_of(losses, leads=chosen.leads, seed=chosen.seed)
    print_line("\n".join(["", *lines]))
    write_section("Retraining over two years", lines)


if __name__ == "__main__":
    main(sys.argv[1:])
