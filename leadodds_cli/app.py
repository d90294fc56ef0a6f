"""The odds that each lead converts, and why.

Exit codes: 0 done, 1 a defect of ours, 2 bad input or configuration, 3 partly done, 4 refused by a gate.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import typer

from features.errors import LeadOddsError
from leadodds_cli.alert_commands import alerts
from leadodds_cli.backup_commands import backup, restore
from leadodds_cli.forget_command import forget
from leadodds_cli.history_commands import check, features, simulate
from leadodds_cli.hook_commands import hooks
from leadodds_cli.import_command import import_
from leadodds_cli.key_commands import keys
from leadodds_cli.model_commands import backtest, models, promote, pull, rollback, train
from leadodds_cli.monitor_command import monitor
from leadodds_cli.retrain_command import retrain
from leadodds_cli.service_commands import load, replay, score, serve
from leadodds_cli.sync_command import sync

# Subcommands import rooms when they run: a server must not pay for MLflow, nor a check for scikit-learn.
app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
for command in (
    *(simulate, import_, check, features),
    *(train, backtest, models, promote, rollback, monitor, retrain),
    *(score, load, sync, replay, serve, pull, backup, restore, forget),
):
    app.command(command.__name__.rstrip("_"))(command)
app.add_typer(keys, name="keys")
app.add_typer(hooks, name="hooks")
app.add_typer(alerts, name="alerts")


def run(arguments: Sequence[str] | None = None) -> None:
    """Runs a subcommand and exits with its code; bad input is explained on standard error."""
    try:
        app(arguments)
    except LeadOddsError as error:
        typer.echo(error, err=True)
        sys.exit(error.exit_code)
