"""Subcommands that make a version or choose one: train, backtest, models, promote, rollback, pull."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from features.times import US_PER_SECOND, parse_duration
from leadodds_cli.options import (
    ConfigOption,
    EngineOption,
    FullOption,
    HistoryArgument,
    JsonOption,
    PromoteOption,
    QuickOption,
    QuietOption,
    ResumeOption,
    UntilOption,
    find_config,
)
from leadodds_cli.output import print_facts, progress_bars
from leadodds_python.arguments import home_folder, read_moment

REFUSED_BY_GATE: Final = 4

ReasonOption = Annotated[
    str, typer.Option(help="A sentence that says why; it is kept with who and when, see `leadodds models`.")
]


def train(
    history: HistoryArgument,
    config: ConfigOption = None,
    observed_until: UntilOption = None,
    quick: QuickOption = False,
    full: FullOption = False,
    promote: PromoteOption = False,
    resume: ResumeOption = False,
    engine: EngineOption = "local",
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Fits a model, judges it on later leads, and registers it as a version."""
    from leadodds_python.functions import train as run

    with progress_bars(shown=not (as_json or quiet)) as progress:
        outcome = run(
            history,
            config=find_config(config, quiet=quiet),
            quick=quick,
            full=full,
            observed_until=read_moment(observed_until, item="--observed-until"),
            promote=promote,
            resume=resume,
            engine=engine,
            progress=progress,
        )
    print_facts(outcome.summary(), as_json=as_json, quiet=quiet, text=str(outcome))
    if outcome.refused:
        raise typer.Exit(REFUSED_BY_GATE)


def backtest(
    history: HistoryArgument,
    config: ConfigOption = None,
    observed_until: UntilOption = None,
    quick: QuickOption = False,
    full: FullOption = False,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Judges what would have been trained at moments of the past, and registers nothing."""
    from leadodds_python.functions import backtest as run

    with progress_bars(shown=not (as_json or quiet)) as progress:
        outcome = run(
            history,
            config=find_config(config, quiet=quiet),
            quick=quick,
            full=full,
            observed_until=read_moment(observed_until, item="--observed-until"),
            progress=progress,
        )
    print_facts(outcome.summary(), as_json=as_json, quiet=quiet, text=str(outcome))


def models(as_json: JsonOption = False, quiet: QuietOption = False) -> None:
    """Lists the versions, and which one answers."""
    from models.registry.registry import list_versions

    listing = list_versions(home_folder())
    print_facts(listing.summary(), as_json=as_json, quiet=quiet, text=str(listing))


def promote(
    version: Annotated[str, typer.Argument(help="Its number, as `leadodds models` lists it.")],
    reason: ReasonOption = "",
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Makes a version the champion."""
    from models.home.home import Home
    from models.registry.switching import promote as switch

    champion = switch(Home(home_folder()), version, reason=reason)
    print_facts({"champion": champion}, as_json=as_json, quiet=quiet)


def rollback(reason: ReasonOption = "", as_json: JsonOption = False, quiet: QuietOption = False) -> None:
    """Makes the previous champion the champion again."""
    from models.home.home import Home
    from models.registry.switching import rollback as switch

    champion = switch(Home(home_folder()), reason=reason)
    print_facts({"champion": champion}, as_json=as_json, quiet=quiet)


def pull(
    every: Annotated[
        str | None,
        typer.Option(help="Run until stopped and look again after 30s, 5m ...; once unless given."),
    ] = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Fetches the champion of MLFLOW_TRACKING_URI into the home, where a server picks it up."""
    from models.registry.pull import follow_registry, pull_champion

    if every is not None:
        seconds = parse_duration(every, item="--every") / US_PER_SECOND
        for facts in follow_registry(home_folder(), seconds=seconds):
            print_facts(facts, as_json=as_json, quiet=quiet and "refused" not in facts)
        return
    print_facts(pull_champion(home_folder()).summary(), as_json=as_json, quiet=quiet)
