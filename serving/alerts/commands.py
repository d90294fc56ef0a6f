"""The commands of `leadodds alerts`, on the database that the server uses, whether it runs or not."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from features.errors import LeadOddsError
from features.times import US_PER_HOUR, US_PER_SECOND
from serving.alerts.config import AlertsConfig, read_alerts_config, read_target
from serving.alerts.counts import hook_objects, list_alerts
from serving.alerts.events import message_event
from serving.alerts.queue import retry_alerts
from serving.alerts.sending import TIMEOUT_SECONDS, deliver
from serving.clock import new_id
from serving.outgoing.addresses import open_http
from serving.scoring.json_rows import JsonObject
from serving.settings import read_settings
from serving.store.store import store_of_command


class UnknownHookError(LeadOddsError):
    """A hook that the configuration does not name."""

    def __init__(self, name: str, *, known: Sequence[str]) -> None:
        names = ", ".join(known) or "none"
        super().__init__(f"There is no hook {name} in [alerts.hooks] of the configuration; it has {names}.")


def list_all(*, home: Path, hook: str | None = None, given_up_only: bool = False) -> dict[str, Any]:
    """Lists the hooks with their counts, and the messages that were not taken.

    Args:
        home: of the server, unless LEADODDS_DATABASE names another database.
        hook: only its messages; None: of all.
        given_up_only: leaves out those that are still sent.
    """
    with store_of_command(read_settings(home=home)) as store:
        hooks = store.read(hook_objects)
        alerts = store.read(partial(list_alerts, hook=hook, given_up_only=given_up_only))
    return {"hooks": hooks, "alerts": alerts}


def retry(*, home: Path, hook: str | None = None, alert_id: str | None = None) -> int:
    """Lets what was given up be sent anew, with the same ids; returns how many messages.

    Args:
        home: of the server, unless LEADODDS_DATABASE names another database.
        hook: only its messages; None: of all.
        alert_id: only this one; None: all.
    """
    config = read_alerts_config(read_settings(home=home).config) or AlertsConfig()
    kept = round(config.give_up_hours * US_PER_HOUR)
    with store_of_command(read_settings(home=home)) as store:
        return store.write(
            lambda connection, receipt: retry_alerts(
                connection, now=receipt.at, expires_at=receipt.at + kept, hook=hook, alert_id=alert_id
            )
        ).result()


def send_test(name: str, *, home: Path, now: int, config: Path | None = None) -> JsonObject:
    """Sends one message to a hook, at once and once.

    Args:
        name: of the hook.
        home: of the server.
        now: microseconds UTC.
        config: the file with `[alerts]`; None: that of the server.

    Returns:
        Whether it was taken, the id of the message, the status of the answer, and why it was not taken.

    Raises:
        UnknownHookError: the configuration does not name it.
        MissingCredentialError: its address or secret is nowhere, or cannot be used.
    """
    hooks = (read_alerts_config(config or read_settings(home=home).config) or AlertsConfig()).hooks
    hook = hooks.get(name)
    if hook is None:
        raise UnknownHookError(name, known=[*hooks])
    target, message_id = read_target(name, hook), f"test_{new_id()}"
    with open_http(timeout=TIMEOUT_SECONDS) as http:
        status, _, fault = deliver(
            http, hook, target, message_id, message_event(name, now=now), seconds=now // US_PER_SECOND
        )
    return {"hook": name, "taken": fault is None, "message_id": message_id, "status": status, "fault": fault}
