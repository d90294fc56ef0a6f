"""Does the monitor see what changed, and is it silent where nothing did?

`python -m tests.benchmarks.monitoring` simulates companies, trains one model for some of them, scores every
week, and monitors. It prints three Markdown tables: after how many days each change is flagged; how many of
the unchanged companies are flagged; and how far the estimate from scores whose horizon is not over is from
what became of them, beside that from the last complete horizon. `--factors 1.25 1.5 2` prints the power by
size of the change, `--leads 5000` of a smaller company.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow.parquet as pq

from features.checks.checked_history import CheckedHistory, read_history
from features.history.known import has_row, known_at
from features.times import US_PER_DAY
from models.bundle.bundle import Bundle, read_bundle
from models.home.home import Home
from serving.scoring.arrow_rows import score_table
from serving.scoring.predictor import Predictor
from training.config import TrainingConfig
from training.monitoring.cohorts import is_recent
from training.monitoring.delays import reporting_delays
from training.monitoring.follow_up import follow_up
from training.monitoring.given_scores import given_scores
from training.monitoring.monitor import compare
from training.monitoring.result import MonitorResult
from training.monitoring.score_rows import read_scores
from training.simulator.changes import CHANGES, Change
from training.simulator.simulate import simulate_company
from training.simulator.world import START_US
from training.train import train

# Days of the company: the model is trained, then something changes, then a look every week.
TRAINED, CHANGED = 391, 433
LOOKS: Final = (7, 15, 22, 30)
WEEK: Final = 7
# Within so many days of data a fault of the inputs must be flagged; everything else within a horizon.
INPUTS_DAYS, HORIZON_DAYS = 7, 30
OF_INPUTS: Final = frozenset({"kind_renamed", "tracker_broken"})
# Seeds of the companies that are trained on, that change, and that do not; `--seed` is added to each.
MODEL_SEED, CHANGED_SEED, UNCHANGED_SEED = 900, 100, 200


def moment(day: float) -> int:
    """The moment of a day of the company, microseconds UTC."""
    return START_US + round(day * US_PER_DAY)


@dataclass(frozen=True, slots=True)
class Company:
    """A company with scores of every week.

    Attributes:
        checked: its history, to the end of the simulation.
        scores: folder of the scores.
        bundle: that scored.
    """

    checked: CheckedHistory
    scores: Path
    bundle: Bundle

    def look(self, day: float) -> MonitorResult:
        """Monitors as of a day."""
        table = read_scores(self.scores, since=0)
        return compare(
            self.checked,
            [table],
            {self.bundle.card.model_version: self.bundle},
            champion=self.bundle.card.model_version,
            as_of=moment(day),
        )


def make_company(folder: Path, bundle: Bundle, *, seed: int, leads: int, change: Change | None) -> Company:
    """Simulates a company, and scores it every week from the training on, with what was known then."""
    changes = () if change is None else (change,)
    simulate_company(folder, leads_count=leads, seed=seed, changes=changes)
    predictor = Predictor.from_bundle(bundle)
    checked = read_history(
        folder / "history", settings=predictor.settings, attribute_types=predictor.attribute_types
    )
    scores = folder / "scores"
    scores.mkdir()
    for day in range(TRAINED, CHANGED + HORIZON_DAYS + WEEK, WEEK):
        as_of = moment(day) + US_PER_DAY // 8
        history = known_at(checked.history, as_of)
        rows = np.flatnonzero(has_row(history, as_of))
        found = predictor.score(history, rows, as_of, reasons=0)
        table = score_table(predictor, found, history.lead_ids.take(rows), scored_at=as_of)
        pq.write_table(table, scores / f"{day}.parquet")
    return Company(checked, scores, bundle)


def train_model(folder: Path, *, seed: int, leads: int) -> Bundle:
    """Trains a quick model of a company, with what was known at the day of the training."""
    simulate_company(folder / "company", leads_count=leads, seed=seed)
    outcome = train(
        folder / "company" / "history",
        home=folder / "home",
        config=TrainingConfig(quick=True),
        observed_until=moment(TRAINED),
        promote=True,
    )
    return read_bundle(Home(folder / "home").bundle_folder(outcome.model_version))


def crossed(result: MonitorResult) -> list[str]:
    """Names the crossed rules."""
    return [f"{line.rule} {line.subject}".strip() for line in result.verdict.crossed]


@dataclass(frozen=True, slots=True)
class Errors:
    """Errors of the two estimates of observed over expected, in logits of the ratio."""

    so_far: float
    complete: float


def errors_of(company: Company, day: float) -> Errors | None:
    """Compares both estimates at a day with what became of the scores of the last horizon."""
    return errors_in(company.look(day), company, day)


def errors_in(result: MonitorResult, company: Company, day: float) -> Errors | None:
    """Compares both estimates of a look with what became of the scores of the last horizon."""
    truth = truth_of(company, day)
    complete = result.cohorts.last_complete
    if complete is None or not truth > 0:
        return None
    ratios = result.cohorts.recent.ratio.value, complete.ratio.value
    so_far, before = (abs(float(np.log(max(ratio, 1e-3) / truth))) for ratio in ratios)
    return Errors(so_far, before)


def truth_of(company: Company, day: float) -> float:
    """Observed over expected of the scores of the last horizon before a day, once all of it is over."""
    until = company.checked.history.observed_until
    table = read_scores(company.scores, since=0)
    bundles = {company.bundle.card.model_version: company.bundle}
    scores, _ = given_scores([table], company.checked.history, bundles, until=moment(day))
    delay = reporting_delays(company.checked.history, observed_until=until)
    followed = follow_up(scores, company.checked.history, delay, until=until)
    recent = is_recent(followed, until=moment(day))
    return float(followed.observed[recent].sum() / followed.expected[recent].sum())


def detections(models: Sequence[Bundle], *, leads: int, seed: int, factor: float | None) -> Iterator[str]:
    """Rows of the table of changes: the first look that flags each, and by what."""
    for place, change in enumerate(planted(factor)):
        with tempfile.TemporaryDirectory() as folder:
            company = make_company(
                Path(folder) / "c",
                models[place % len(models)],
                seed=seed + place,
                leads=leads,
                change=change,
            )
            before = crossed(company.look(CHANGED))
            found = next(
                ((days, told) for days in LOOKS if (told := crossed(company.look(CHANGED + days)))), None
            )
        needed = INPUTS_DAYS if change.name in OF_INPUTS else HORIZON_DAYS
        shown = "never" if found is None else f"{found[0]} days"
        verdict = "yes" if found is not None and found[0] <= needed and not before else "NO"
        by = "" if found is None else ", ".join(found[1][:3])
        yield f"| {change.name} | {shown} | {needed} | {verdict} | {by} | {', '.join(before) or 'nothing'} |"


def planted(factor: float | None) -> list[Change]:
    """Lists the changes: all as declared, or the rate of converting times and divided by a factor."""
    if factor is None:
        return [Change(name, CHANGED) for name in CHANGES]
    return [Change("doubled", CHANGED, factor=factor), Change("halved", CHANGED, factor=1 / factor)]


def unchanged(
    models: Sequence[Bundle], *, leads: int, seeds: Sequence[int]
) -> Iterator[tuple[list[str], Errors | None]]:
    """Flags of all looks at companies in which nothing changes, and the errors of the estimates."""
    for place, seed in enumerate(seeds):
        with tempfile.TemporaryDirectory() as folder:
            company = make_company(
                Path(folder) / "c", models[place % len(models)], seed=seed, leads=leads, change=None
            )
            looks = {days: company.look(CHANGED + days) for days in LOOKS}
            flags = [f"{seed}, {days} days: {told}" for days in LOOKS for told in crossed(looks[days])]
            say(f"{seed}: {flags or 'no flag'}")
            errors = errors_in(looks[LOOKS[1]], company, CHANGED + LOOKS[1])
            yield flags, shown_errors(seed, errors)


def changed_errors(models: Sequence[Bundle], *, leads: int, seeds: Sequence[int]) -> Iterator[Errors | None]:
    """Errors of the estimates three weeks after the rate of converting doubled or halved."""
    for place, seed in enumerate(seeds):
        change = Change("doubled" if place % 2 else "halved", CHANGED)
        with tempfile.TemporaryDirectory() as folder:
            company = make_company(
                Path(folder) / "c", models[place % len(models)], seed=seed, leads=leads, change=change
            )
            yield shown_errors(seed, errors_of(company, CHANGED + LOOKS[2]))


def shown_errors(seed: int, errors: Errors | None) -> Errors | None:
    """Prints the errors of one company at once: a run that is ended early has its figures."""
    if errors is not None:
        say(f"{seed}: error so far {errors.so_far:.3f}, of the last complete {errors.complete:.3f}")
    return errors


def say(line: str) -> None:
    """Prints a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def head(*names: str) -> None:
    """Prints the head of a table."""
    say(f"\n| {' | '.join(names)} |\n|{'---|' * len(names)}")


def print_errors(title: str, found: Sequence[Errors | None]) -> None:
    """Prints the mean error of both estimates."""
    kept = [each for each in found if each is not None]
    if kept:
        so_far, complete = (float(np.mean([getattr(e, n) for e in kept])) for n in ("so_far", "complete"))
        better = sum(each.so_far < each.complete for each in kept)
        say(f"| {title} | {len(kept)} | {so_far:.3f} | {complete:.3f} | {better} |")


def models_of(chosen: argparse.Namespace) -> list[Bundle]:
    """Reads the models of a home, or trains some."""
    if chosen.home is not None:
        home = Home(chosen.home)
        return [read_bundle(home.bundle_folder(version)) for version in home.versions()]
    with tempfile.TemporaryDirectory() as folder:
        return [
            train_model(
                Path(folder) / str(number), seed=chosen.seed + MODEL_SEED + number, leads=chosen.leads
            )
            for number in range(chosen.models)
        ]


def print_changes(models: Sequence[Bundle], chosen: argparse.Namespace) -> None:
    """Prints after how many days each change is flagged, as declared and by factor."""
    for factor in [None, *chosen.factors]:
        say(f"\nchanges on day {CHANGED}, factor {factor or 'as declared'}, {chosen.leads:,} leads")
        head("change", "flagged after", "needed", "in time", "by", "before the change")
        for row in detections(models, leads=chosen.leads, seed=chosen.seed + CHANGED_SEED, factor=factor):
            say(row)


def main(arguments: Sequence[str]) -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(prog="tests.benchmarks.monitoring", description=__doc__)
    parser.add_argument("--leads", type=int, default=20_000)
    parser.add_argument("--companies", type=int, default=20)
    parser.add_argument("--models", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0, help="added to the seeds of all companies")
    parser.add_argument("--factors", type=float, nargs="*", default=[])
    parser.add_argument("--only", choices=("changes", "unchanged", "errors"), default=None)
    parser.add_argument("--home", type=Path, default=None, help="a trained home, in place of training")
    chosen = parser.parse_args(arguments)
    first = chosen.seed + UNCHANGED_SEED
    models, seeds = models_of(chosen), range(first, first + chosen.companies)
    if chosen.only in {None, "changes"}:
        print_changes(models, chosen)
    if chosen.only in {None, "unchanged"}:
        told = [*unchanged(models, leads=chosen.leads, seeds=seeds)]
        flags = [flag for found, _ in told for flag in found]
        say(f"\n{len(told)} unchanged companies, {len(LOOKS)} looks each: {len(flags)} flags {flags}")
        head("companies", "number", "error so far", "error of the last complete", "so far is closer")
        print_errors("unchanged", [error for _, error in told])
    if chosen.only in {None, "errors"}:
        head("companies", "number", "error so far", "error of the last complete", "so far is closer")
        changed = [*changed_errors(models, leads=chosen.leads, seeds=seeds)]
        print_errors("doubled or halved", changed)
