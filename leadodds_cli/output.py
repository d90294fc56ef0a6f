"""What subcommands print: facts on standard output, progress on standard error."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import typer

from features.progress import Progress, silent

if TYPE_CHECKING:
    from features.findings.problems import Problem


def print_facts(facts: Mapping[str, Any], *, as_json: bool, quiet: bool, text: str | None = None) -> None:
    """Prints what a subcommand found: one JSON object for machines, text for people, or nothing.

    Args:
        facts: what was found.
        as_json: whether --json was given.
        quiet: whether --quiet was given.
        text: for people; None prints a line for each fact.
    """
    if as_json:
        typer.echo(json.dumps(facts, ensure_ascii=False, allow_nan=False))
    elif not quiet:
        typer.echo(text if text is not None else "\n".join(f"{name}: {fact}" for name, fact in facts.items()))


def text_table(rows: Iterable[Mapping[str, Any]], names: Sequence[str]) -> str:
    """Writes rows as a table for people, the columns below their names; `-` where a row has nothing.

    >>> rows = [{"name": "crm", "scopes": ["score", "write"], "end": None}]
    >>> print(text_table(rows, ("name", "scopes", "end")))
    name  scopes       end
    crm   score,write  -
    """
    cells = [list(names), *([_cell(row[name]) for name in names] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    )


def _cell(value: object) -> str:
    if value is None:
        return "-"
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def print_problems(problems: Iterable[Problem]) -> None:
    """Prints what was found on standard error, a line each, whatever standard output is to hold."""
    for problem in problems:
        typer.echo(str(problem), err=True)


@contextmanager
def progress_bars(*, shown: bool) -> Iterator[Progress]:
    """Shows a bar for each stage on standard error, where a person is watching."""
    if not shown:
        yield silent
        return
    from rich.console import Console
    from rich.progress import Progress as Bars

    with Bars(console=Console(stderr=True), transient=True) as bars:
        stages: dict[str, Any] = {}

        def show(stage: str, done: float) -> None:
            if stage not in stages:
                stages[stage] = bars.add_task(stage, total=1.0)
            bars.update(stages[stage], completed=done)

        yield show


@contextmanager
def stage_seconds(progress: Progress) -> Iterator[tuple[Progress, dict[str, float]]]:
    """Passes progress on; the dictionary holds, after the end, the seconds that each stage took."""
    begun: dict[str, float] = {}
    seconds: dict[str, float] = {}

    def watch(stage: str, done: float) -> None:
        begun.setdefault(stage, time.monotonic())
        progress(stage, done)

    yield watch, seconds
    ends = [*begun.values(), time.monotonic()][1:]
    seconds |= {stage: round(end - begun[stage], 3) for stage, end in zip(begun, ends, strict=True)}
