"""Subcommands of `leadodds keys`: create, list, revoke."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from leadodds_cli.options import JsonOption, QuietOption, read_expiry
from leadodds_cli.output import print_facts, text_table
from leadodds_python.arguments import home_folder, now

keys = typer.Typer(no_args_is_help=True, help="Makes, lists and revokes the keys that a server asks for.")

_SHOWN: Final = ("name", "key_id", "scopes", "source", "state", "created_at", "expires_at")
_NO_KEY: Final = "There is no key: a server listens on this machine only, and needs none."


@keys.command("create")
def create_key(
    name: Annotated[str, typer.Argument(help="Who uses it, such as the name of a CRM.")],
    scope: Annotated[
        str,
        typer.Option(
            help="Some of score, write, admin, metrics, separated by commas; or one like hook:odoo."
        ),
    ],
    expires: Annotated[
        str | None, typer.Option(help="When it expires: 90d from now, or a time with a zone.")
    ] = None,
    requests_per_second: Annotated[
        float | None, typer.Option(help="Its rate limit; that of every key unless given.")
    ] = None,
    source: Annotated[
        str | None,
        typer.Option(help="The one source whose interactions and outcomes it may send; any unless given."),
    ] = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Makes a key and prints it, this once: only its hash is kept. A server takes it within a second."""
    from serving.keys.commands import create

    created_at = now()
    created = create(
        name,
        scope,
        home=home_folder(),
        now=created_at,
        expires_at=read_expiry(expires, now=created_at),
        requests_per_second=requests_per_second,
        source=source,
    )
    print_facts(created, as_json=as_json, quiet=quiet)


@keys.command("list")
def list_keys(as_json: JsonOption = False, quiet: QuietOption = False) -> None:
    """Lists the keys with scopes and expiry; never the keys themselves."""
    from serving.keys.commands import list_all

    listed = list_all(home=home_folder(), now=now())
    text = text_table(listed, _SHOWN) if listed else _NO_KEY
    print_facts({"keys": listed}, as_json=as_json, quiet=quiet, text=text)


@keys.command("revoke")
def revoke_key(
    name: Annotated[str, typer.Argument(help="The name of a key, or its id.")],
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Revokes a key for ever; a server refuses it within a second."""
    from serving.keys.commands import revoke

    print_facts({"revoked": revoke(name, home=home_folder())}, as_json=as_json, quiet=quiet)
