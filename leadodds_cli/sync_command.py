"""The subcommand sync: changed scores go into the fields of a CRM."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from leadodds_cli.options import DatabaseOption, JsonOption, QuietOption
from leadodds_cli.output import print_facts, progress_bars
from leadodds_python.arguments import home_folder, read_moment


def sync(
    crm: Annotated[Literal["hubspot", "salesforce", "dynamics", "odoo"], typer.Argument(help="Where to.")],
    map_path: Annotated[
        Path | None, typer.Option("--map", help="A TOML file of what is written where; else the shipped one.")
    ] = None,
    url: Annotated[str | None, typer.Option(help="Address of the CRM, in place of the map's.")] = None,
    database: DatabaseOption = None,
    since: Annotated[
        str | None, typer.Option(help="Look only at scores made then or later, with a zone.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be written, and send nothing.")
    ] = False,
    create_fields: Annotated[
        bool, typer.Option("--create-fields", help="Make the fields of the map that are missing, first.")
    ] = False,
    show_map: Annotated[
        bool, typer.Option("--show-map", help="Print the shipped map, to be copied and edited, and end.")
    ] = False,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Writes the scores that changed into a CRM; docs/crm-write-back.md shows each CRM's steps."""
    from serving.clock import SteadyClock
    from serving.settings import read_settings
    from serving.writeback.sync import sync_scores
    from serving.writeback.target_map import shipped_text

    if show_map:
        print_facts({"map": shipped_text(crm)}, as_json=as_json, quiet=quiet, text=shipped_text(crm).rstrip())
        return
    settings = read_settings(home=home_folder())
    with progress_bars(shown=not (as_json or quiet)) as progress:
        outcome = sync_scores(
            crm,
            database=database or settings.store_url,
            secret_file=settings.secret_path,
            clock=SteadyClock(),
            map_path=map_path,
            url=url,
            since=read_moment(since, item="--since"),
            dry_run=dry_run,
            create_fields=create_fields,
            progress=progress,
        )
    print_facts(outcome.summary(), as_json=as_json, quiet=quiet, text=str(outcome))
    raise typer.Exit(outcome.exit_code)
