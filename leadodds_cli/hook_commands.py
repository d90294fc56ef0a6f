"""Subcommands of `leadodds hooks`: list, replay, map."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from leadodds_cli.options import JsonOption, QuietOption
from leadodds_cli.output import print_facts
from leadodds_python.arguments import home_folder, now

Crm = Literal["odoo", "pipedrive", "espocrm", "zoho", "hubspot"]
_PARTLY: int = 3

hooks = typer.Typer(no_args_is_help=True, help="Shows the web hooks that came, and maps them once more.")


@hooks.command("list")
def list_hooks(
    limit: Annotated[int, typer.Option(min=1, help="How many of those that were not mapped.")] = 20,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Counts the hooks of each CRM, and lists the newest that could not be mapped, with the reason."""
    from serving.hooks.commands import list_hooks as list_all
    from serving.hooks.commands import text_of_list

    listed = list_all(home=home_folder(), limit=limit)
    print_facts(listed, as_json=as_json, quiet=quiet, text=text_of_list(listed))


@hooks.command("replay")
def replay_hooks(
    crm: Annotated[Crm | None, typer.Argument(help="Only those of this CRM.")] = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Maps the hooks in quarantine once more, after a map was mended; exit code 3 where some stay there."""
    from serving.hooks.commands import replay_hooks as replay

    counts = replay(home=home_folder(), now=now(), crm=crm)
    text = f"{counts['mapped']} hooks were mapped, {counts['quarantined']} stay in quarantine."
    print_facts(counts, as_json=as_json, quiet=quiet, text=text)
    raise typer.Exit(_PARTLY if counts["quarantined"] else 0)


@hooks.command("map")
def show_map(
    crm: Annotated[Crm, typer.Argument(help="Whose hooks.")],
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Prints the shipped map of a CRM's hooks, to be copied and edited."""
    from serving.hooks.map_files import shipped_hook_map

    text = shipped_hook_map(crm)
    print_facts({"map": text}, as_json=as_json, quiet=quiet, text=text.rstrip())
