"""The subcommand forget: leads that were erased leave the files and targets beside the service's database."""

from __future__ import annotations

from typing import Annotated

import typer

from leadodds_cli.options import DatabaseOption, JsonOption, QuietOption
from leadodds_cli.output import print_facts
from leadodds_python.arguments import home_folder


def forget(
    targets: Annotated[
        list[str] | None,
        typer.Argument(
            help="Files, folders and databases with scores, beside the home and LEADODDS_SCORE_TARGETS."
        ),
    ] = None,
    database: DatabaseOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Removes leads that were erased from the files of the home and from targets of `score`."""
    from serving.batch.erased_rows import ErasedIds, remove_erased
    from serving.clock import SteadyClock
    from serving.settings import read_settings
    from serving.store.store import Store

    settings = read_settings(home=home_folder())
    store = Store(
        database or settings.store_url,
        clock=SteadyClock(),
        secret_file=settings.secret_path,
        must_exist=True,
    )
    try:
        erased = ErasedIds.of_store(store)
    finally:
        store.close()
    every = [*settings.score_targets, *(targets or ())]
    counts = remove_erased(erased, home=settings.home, targets=every)
    text = "\n".join(f"{name}: {count:,} rows" for name, count in counts.items())
    nothing = "Nothing of an erased lead was found."
    print_facts({"removed": counts}, as_json=as_json, quiet=quiet, text=text or nothing)
