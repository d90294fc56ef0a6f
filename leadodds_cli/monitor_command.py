"""The subcommand that compares past scores with what followed: monitor."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from leadodds_cli.model_commands import REFUSED_BY_GATE
from leadodds_cli.options import (
    ConfigOption,
    HistoryArgument,
    JsonOption,
    QuietOption,
    find_config,
)
from leadodds_cli.output import print_facts, progress_bars
from leadodds_python.arguments import read_moment


def monitor(
    history: HistoryArgument,
    scores: Annotated[
        list[str] | None,
        typer.Option(
            help="Past scores, as `leadodds score` wrote them: a file, a folder of parts, or a database URL; "
            "repeatable. Unless given, those of past nights in the home and in the database."
        ),
    ] = None,
    as_of: Annotated[
        str | None,
        typer.Option(help="Nothing that became known later counts; with a zone; now unless given."),
    ] = None,
    config: ConfigOption = None,
    home: Annotated[
        Path | None, typer.Option(help="The folder that holds all state; LEADODDS_HOME unless given.")
    ] = None,
    report: Annotated[Path | None, typer.Option(help="An HTML page to write.")] = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Compares past scores with what followed, and says what to do; exits 4 where a limit is crossed."""
    from leadodds_python.functions import monitor as run

    with progress_bars(shown=not (as_json or quiet)) as progress:
        result = run(
            history,
            scores=scores or (),
            as_of=read_moment(as_of, item="--as-of"),
            config=find_config(config, quiet=quiet),
            home=home,
            report=report,
            progress=progress,
        )
    print_facts(result.summary(), as_json=as_json, quiet=quiet, text=str(result))
    if result.is_flagged:
        raise typer.Exit(REFUSED_BY_GATE)
