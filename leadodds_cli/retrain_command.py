"""The subcommand that cron runs: retrain."""

from __future__ import annotations

from typing import Annotated

import typer

from leadodds_cli.model_commands import REFUSED_BY_GATE
from leadodds_cli.options import (
    ConfigOption,
    HistoryArgument,
    JsonOption,
    QuickOption,
    QuietOption,
    UntilOption,
    find_config,
)
from leadodds_cli.output import print_facts, progress_bars
from leadodds_python.arguments import home_folder, now, read_config, read_moment


def retrain(
    history: HistoryArgument,
    when_needed: Annotated[
        bool,
        typer.Option(
            help="Train only where `leadodds monitor` advises more than to wait, and not in the week "
            "after a refusal."
        ),
    ] = False,
    config: ConfigOption = None,
    observed_until: UntilOption = None,
    quick: QuickOption = False,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Trains a challenger and promotes it if the gate allows it; exits 4 where the gate refuses it."""
    from training.retrain import retrain as run

    with progress_bars(shown=not (as_json or quiet)) as progress:
        outcome = run(
            history,
            home=home_folder(),
            config=read_config(find_config(config, quiet=quiet), quick=quick),
            now=now(),
            when_needed=when_needed,
            observed_until=read_moment(observed_until, item="--observed-until"),
            progress=progress,
        )
    print_facts(outcome.summary(), as_json=as_json, quiet=quiet, text=str(outcome))
    if outcome.refused:
        raise typer.Exit(REFUSED_BY_GATE)
