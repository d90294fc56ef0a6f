"""Measures the figures of `docs/figures.md` again: `make figures`, or some of them by `--parts`.

Each part has its place in the page, between two comments that name it; what is written around it stays. Real
histories are not part of the project: `make figures HISTORIES="FOLDER..."` names them.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

from tests.benchmarks.ablations import ablate
from tests.benchmarks.measurement import Measurement, measure
from tests.benchmarks.peers.comparison import peers_table
from tests.benchmarks.peers.models import PEERS
from tests.benchmarks.ranges import ranges_lines, seeds_of
from tests.benchmarks.sections import machine, table
from training.simulator.simulate import simulate_company

PAGE: Final = Path("docs/figures.md")
_SEED: Final = 7
# Seeds of the companies that ranges are measured on, by number of leads.
_RANGE_SEEDS: Final = {2_000: "1-20", 5_000: "1-20", 20_000: "1-20"}
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


def _trainings(sources: Mapping[str, str]) -> Iterator[str]:
    """What `leadodds train` takes, and how good its tests are."""
    rows = [_training_row(name, source) for name, source in sources.items()]
    head = ("", "time", "processor", "memory", "AUC", "log-loss skill", "expected / observed")
    yield from table(head, rows)


def _training_row(name: str, source: str) -> tuple[str, ...]:
    run, processor_seconds, trained = _train(source)
    auc, skill, level = (
        trained["metrics"][metric] for metric in ("auc", "log_loss_skill", "calibration_in_the_large")
    )
    return (
        name,
        f"{run.seconds:.0f} s",
        f"{processor_seconds:.0f} s",
        f"{run.peak_mib:,.0f} MiB",
        *(f"{each['value']:.3f} [{each['low']:.3f}, {each['high']:.3f}]" for each in (auc, skill)),
        f"{level['value']:.2f} [{level['low']:.2f}, {level['high']:.2f}]",
    )


def _train(source: str) -> tuple[Measurement, float, Mapping[str, Any]]:
    """Trains in a home of its own, by the command and its defaults, and counts all its processes."""
    before = _seconds_of_children()
    with tempfile.TemporaryDirectory() as home:
        out = Path(home) / "out.json"

        def train() -> None:
            with out.open("w") as answer:
                subprocess.run(
                    [sys.executable, "-c", _COMMAND, "train", source, "--json", "--quiet"],
                    env={**os.environ, "LEADODDS_HOME": home, "OMP_NUM_THREADS": "1"},
                    stdout=answer,
                    check=True,
                )

        run = measure(train)
        return run, _seconds_of_children() - before, json.loads(out.read_text())


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
    "peers": _peers,
    "trainings": _trainings,
    "ranges": _ranges,
    "ablations": _ablations,
}

if __name__ == "__main__":
    main(sys.argv[1:])
