"""Measures the figures of `docs/figures.md` again: `make figures`, or some of them by `--parts`.

Each part has its place in the page, between two comments that name it; what is written around it stays. Real
histories are not part of the project: `make figures HISTORIES="FOLDER..."` names them.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any, Final

from tests.benchmarks.ablations import ablate
from tests.benchmarks.measurement import Measurement, measure
from tests.benchmarks.peers.comparison import peers_table
from tests.benchmarks.peers.models import PEERS
from tests.benchmarks.ranges import ranges_lines, seeds_of
from tests.benchmarks.sections import machine, table
from training.metrics.bootstrap import Estimate
from training.report.text import figure_text, share_text
from training.simulator.simulate import simulate_company

PAGE: Final = Path("docs/figures.md")
_SEED: Final = 7
# Seeds of the companies that ranges are measured on, by number of leads.
_RANGE_SEEDS: Final = {2_000: "1-20", 5_000: "1-20", 20_000: "1-20"}
# Names of what the scorecard is compared with, and as they are written.
_YARDSTICKS: Final = {
    "unrestricted_hazard": "an unrestricted ensemble",
    "logistic_regression": "logistic regression, mature examples",
    "mature_only_boosting": "boosting, mature examples",
}
_COMMAND: Final = "import sys, leadodds; sys.exit(leadodds.main(sys.argv[1:]))"


def main(arguments: Sequence[str]) -> None:
    """Measures the parts and writes each into the page as soon as it is known."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("histories", nargs="*", help="folders of real histories")
    parser.add_argument("--leads", type=int, nargs="+", default=[5_000, 20_000])
    parser.add_argument("--parts", nargs="+", choices=list(PARTS), default=list(PARTS))
    parser.add_argument(
        "--keep", type=Path, help="folder of the fits of ranges, so that an ended run goes on"
    )
    asked = parser.parse_args(arguments)
    parts = {**PARTS, "ranges": partial(_ranges, keep=asked.keep)}
    with tempfile.TemporaryDirectory() as folder:
        sources = {f"simulated, {size:,} leads": _simulate(Path(folder), size) for size in asked.leads}
        sources |= {Path(history).name: history for history in asked.histories}
        for part in asked.parts:
            lines = [machine() + ".", ""]
            for line in parts[part](sources):
                lines.append(line)
                sys.stdout.write(line + "\n")
                sys.stdout.flush()
            PAGE.write_text(replace_part(PAGE.read_text(encoding="utf-8"), part, lines), encoding="utf-8")


def replace_part(page: str, part: str, lines: Sequence[str]) -> str:
    """Puts lines in the place of a part.

    Raises:
        ValueError: the page has no place for it.
    """
    begin, end = f"<!-- measured: {part} -->", f"<!-- end of {part} -->"
    before, found, rest = page.partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise ValueError(f"the page has no part {part}")
    return "\n".join([before + begin, "", *lines, "", end + after])


def _peers(sources: Mapping[str, str]) -> Iterator[str]:
    """The scorecard beside other libraries, one table for each history."""
    for name, source in sources.items():
        yield from (f"### {name}", "", *peers_table(source), "")
    yield from (f"- {peer.name}: {peer.how}." for peer in PEERS)


def _histories(sources: Mapping[str, str]) -> Iterator[str]:
    """How good the tests of a training are, one column for each history."""
    columns = [_tests_column(_train(source)) for source in sources.values()]
    rows = [(name, *(column[name] for column in columns)) for name in columns[0]]
    yield from table(("", *sources), rows)


def _tests_column(trained: _Training) -> dict[str, str]:
    """Names and figures of the tests of one training."""
    figures = trained.figures
    metrics = {name: _estimate(record) for name, record in figures["metrics"].items()}
    origins, horizons = figures["by_origin"], figures["horizons"]
    first, last = (moment[:10] for moment in (origins[0]["test_from"], origins[-1]["test_until"]))
    column = {
        "tests": f"{first} to {last}, {len(origins)} origins",
        "test examples; conversions": f"{metrics['auc'].n:,}; {sum(o['conversions'] for o in origins):,}",
        "AUC": figure_text(metrics["auc"]),
        "average precision": figure_text(metrics["average_precision"]),
        "log loss": figure_text(metrics["log_loss"], digits=4),
        "log-loss skill": figure_text(metrics["log_loss_skill"]),
        "Brier skill": figure_text(metrics["brier_skill"]),
    }
    for days in (7, 30, 90):
        of_days = horizons.get(f"days_{days}")
        level = of_days and figure_text(_estimate(of_days["calibration_in_the_large"]), digits=2)
        column[f"expected / observed at {days} days"] = level or "the history is too short"
    column |= {
        "calibration slope": figure_text(_estimate(figures["slope"]), digits=2),
        "calibration error": figure_text(metrics["calibration_error"], digits=4),
        "lift at 10 %": figure_text(metrics["lift_at_10"], digits=2),
    }
    for name, shown in _YARDSTICKS.items():
        column[f"log loss against {shown}"] = "none"
        if difference := figures["log_loss_differences"].get(name):
            whole = figures["yardsticks"][name]["log_loss"]["value"]
            column[f"log loss against {shown}"] = share_text(_estimate(difference), of=whole)
    return column


def _trainings(sources: Mapping[str, str]) -> Iterator[str]:
    """What `leadodds train` takes, and how good its tests are."""
    rows = [_training_row(name, _train(source)) for name, source in sources.items()]
    head = ("", "time", "processor", "memory", "AUC", "log-loss skill", "expected / observed")
    yield from table(head, rows)


def _training_row(name: str, trained: _Training) -> tuple[str, ...]:
    metrics = {each: _estimate(record) for each, record in trained.figures["metrics"].items()}
    return (
        name,
        f"{trained.run.seconds:.0f} s",
        f"{trained.processor_seconds:.0f} s",
        f"{trained.run.peak_mib:,.0f} MiB",
        figure_text(metrics["auc"]),
        figure_text(metrics["log_loss_skill"]),
        figure_text(metrics["calibration_in_the_large"], digits=2),
    )


def _estimate(record: Mapping[str, Any]) -> Estimate:
    """Reads an estimate; a bound that was not finite stands as null."""
    return Estimate(**{name: math.nan if number is None else number for name, number in record.items()})


@dataclass(frozen=True, slots=True)
class _Training:
    """A training: what it took, the processor seconds of all its processes, and the figures of its tests."""

    run: Measurement
    processor_seconds: float
    figures: Mapping[str, Any]


@cache
def _train(source: str) -> _Training:
    """Trains in a home of its own, by the command and its defaults; once for all parts."""
    before = _seconds_of_children()
    with tempfile.TemporaryDirectory() as home:
        command = [sys.executable, "-c", _COMMAND, "train", source, "--quiet"]
        environment = {**os.environ, "LEADODDS_HOME": home, "OMP_NUM_THREADS": "1"}
        run = measure(lambda: subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True))
        [figures] = Path(home).glob("artifacts/*/artifacts/figures.json")
        return _Training(run, _seconds_of_children() - before, json.loads(figures.read_text()))


def _seconds_of_children() -> float:
    """Processor seconds of all processes that have ended below this one."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _ranges(sources: Mapping[str, str], keep: Path | None = None) -> Iterator[str]:
    """How often ranges hold the truth; the companies are its own."""
    del sources
    for size, seeds in _RANGE_SEEDS.items():
        yield from ranges_lines(size, seeds_of(seeds), is_searching=False, keep=keep)


def _ablations(sources: Mapping[str, str]) -> Iterator[str]:
    """What each part of the method contributes, one table for each history."""
    for name, source in sources.items():
        yield from (f"### {name}", "", *ablate(source), "")


def _simulate(folder: Path, size: int) -> str:
    """Simulates a company and gives the folder of its history."""
    simulate_company(folder / str(size), leads_count=size, seed=_SEED)
    return str(folder / str(size) / "history")


PARTS: Final[Mapping[str, Callable[[Mapping[str, str]], Iterator[str]]]] = {
    "histories": _histories,
    "peers": _peers,
    "trainings": _trainings,
    "ranges": _ranges,
    "ablations": _ablations,
}

if __name__ == "__main__":
    main(sys.argv[1:])
