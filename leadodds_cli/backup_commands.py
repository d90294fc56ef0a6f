"""Subcommands that copy the state of a service and put it back: backup, restore."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from leadodds_cli.options import JsonOption, QuietOption
from leadodds_cli.output import print_facts
from leadodds_python.arguments import home_folder


def backup(
    target: Annotated[Path, typer.Argument(help="The folder to make.")],
    secret: Annotated[
        Path | None,
        typer.Option(help="A file elsewhere for a copy of the secret."),
    ] = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Copies the database, the bundles and the champion pointer of the home, while a server runs or not."""
    from serving.backups.backup import back_up
    from serving.settings import read_settings

    made = back_up(read_settings(home=home_folder()), target, secret=secret)
    print_facts(made.summary(), as_json=as_json, quiet=quiet, text=str(made))


def restore(
    source: Annotated[Path, typer.Argument(help="The folder of a backup.")],
    secret: Annotated[
        Path | None, typer.Option(help="The copy of the secret, where the home has none.")
    ] = None,
    erased: Annotated[
        Path | None,
        typer.Option(
            help="A later backup, or a newer database file, whose erasures count; the home's unless given."
        ),
    ] = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Puts a backup into the home, and erases again whoever was erased since; no server may run."""
    from serving.backups.restore import restore as run
    from serving.clock import SteadyClock
    from serving.settings import read_settings

    settings = read_settings(home=home_folder())
    restored = run(settings, source, clock=SteadyClock(), secret=secret, erased=erased)
    print_facts(restored.summary(), as_json=as_json, quiet=quiet, text=str(restored))
