"""Subcommands of `leadodds alerts`: list, retry, test."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from leadodds_cli.options import JsonOption, QuietOption
from leadodds_cli.output import print_facts, text_table
from leadodds_python.arguments import home_folder, now

alerts = typer.Typer(no_args_is_help=True, help="Lists, retries and tests what is sent to the web hooks.")

_SHOWN: Final = {
    "hooks": ("hook", "delivered", "pending", "given_up", "delivered_at", "fault"),
    "alerts": ("alert_id", "hook", "kind", "lead_id", "state", "attempts", "found_at", "fault"),
}
_NOTHING: Final = "No web hook was sent anything yet."
HookOption = Annotated[str | None, typer.Option(help="Only messages of this hook.")]


@alerts.command("list")
def list_alerts(
    hook: HookOption = None,
    given_up: Annotated[
        bool, typer.Option("--given-up", help="Only what was not taken in its time.")
    ] = False,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Lists the hooks with their counts, and the messages that no hook has taken."""
    from serving.alerts.commands import list_all

    listed = list_all(home=home_folder(), hook=hook, given_up_only=given_up)
    tables = [text_table(listed[name], columns) for name, columns in _SHOWN.items() if listed[name]]
    print_facts(listed, as_json=as_json, quiet=quiet, text="\n\n".join(tables) or _NOTHING)


@alerts.command("retry")
def retry_alerts(
    hook: HookOption = None,
    alert: Annotated[str | None, typer.Option(help="Only the message with this id.")] = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Sends what was given up anew, with the same ids; a running server takes it up within seconds."""
    from serving.alerts.commands import retry

    retried = retry(home=home_folder(), hook=hook, alert_id=alert)
    print_facts({"retried": retried}, as_json=as_json, quiet=quiet)


@alerts.command("test")
def try_hook(
    hook: Annotated[str, typer.Argument(help="Its name in [alerts.hooks] of the configuration.")],
    config: Annotated[
        Path | None, typer.Option(help="The file with [alerts]; LEADODDS_CONFIG, or leadodds.toml here.")
    ] = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Sends one message to a hook; exit code 3 where it does not take it."""
    from serving.alerts.commands import send_test

    sent = send_test(hook, home=home_folder(), config=config, now=now())
    print_facts(sent, as_json=as_json, quiet=quiet)
    raise typer.Exit(0 if sent["taken"] else 3)
