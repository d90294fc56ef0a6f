"""The subcommand import: a CRM's export or landed tables become a history."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from features.errors import LeadOddsError
from leadodds_cli.options import JsonOption, QuietOption
from leadodds_cli.output import print_facts, progress_bars
from leadodds_python.arguments import read_moment


class ImportArgumentsError(LeadOddsError):
    """Arguments of `leadodds import` that do not go together."""


def import_(
    source: Annotated[
        str | None, typer.Argument(help="Folder, file or database URL of what was exported.")
    ] = None,
    out: Annotated[Path | None, typer.Argument(help="The folder of the history.")] = None,
    map_name: Annotated[
        str | None, typer.Option("--map", help="A map: a TOML file, or the name of a shipped one.")
    ] = None,
    guess: Annotated[
        bool, typer.Option("--guess", help="Print a draft of a map for SOURCE, and import nothing.")
    ] = False,
    append: Annotated[
        bool, typer.Option("--append", help="Add a newer export to the history that OUT holds.")
    ] = False,
    replace: Annotated[
        bool, typer.Option("--replace", help="Write OUT anew where it holds a history.")
    ] = False,
    exported_at: Annotated[
        str | None,
        typer.Option(help="When the source was exported, with a zone; as the map says, else now."),
    ] = None,
    zone: Annotated[
        str | None,
        typer.Option(help="Zone of times that carry none, such as Europe/Lisbon; as the map says."),
    ] = None,
    list_maps: Annotated[bool, typer.Option("--list-maps", help="List the shipped maps and end.")] = False,
    show_map: Annotated[
        str | None, typer.Option(help="Print a shipped map, to be copied and edited, and end.")
    ] = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Makes a history of a CRM's export or landed tables, as a map says."""
    if list_maps or show_map is not None:
        _print_maps(show_map, as_json=as_json, quiet=quiet)
        return
    if guess:
        _print_guess(source, out, map_name, as_json=as_json, quiet=quiet)
        return
    if source is None or out is None or map_name is None:
        raise ImportArgumentsError(
            "An import needs SOURCE, OUT and --map. --list-maps lists the shipped maps, --guess drafts "
            "one; docs/import.md shows how to write one."
        )
    if append and replace:
        raise ImportArgumentsError("Give --append or --replace, not both.")
    from leadodds_python.functions import import_history as run

    with progress_bars(shown=not (as_json or quiet)) as progress:
        report = run(
            source,
            out,
            map=map_name,
            append=append,
            replace=replace,
            exported_at=read_moment(exported_at, item="--exported-at"),
            zone=zone,
            progress=progress,
        )
    print_facts(report.summary(), as_json=as_json, quiet=quiet, text=str(report))
    raise typer.Exit(report.exit_code)


def _print_guess(
    source: str | None, out: Path | None, map_name: str | None, *, as_json: bool, quiet: bool
) -> None:
    if source is None or out is not None or map_name is not None:
        raise ImportArgumentsError(
            "--guess takes SOURCE alone: it prints a draft of a map and imports nothing."
        )
    from features.imports.guessing.guess import guess

    draft = guess(source)
    print_facts({"map": draft}, as_json=as_json, quiet=quiet, text=draft.rstrip())


def _print_maps(name: str | None, *, as_json: bool, quiet: bool) -> None:
    from features.imports.format.map_files import shipped_maps, text_of_map

    if name is not None:
        print_facts({"map": text_of_map(name)}, as_json=as_json, quiet=quiet, text=text_of_map(name))
        return
    maps = shipped_maps()
    listed = "\n".join(f"{own}: {description}" for own, description in maps.items())
    print_facts({"maps": maps}, as_json=as_json, quiet=quiet, text=listed)
