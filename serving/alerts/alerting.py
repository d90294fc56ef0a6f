"""Alerts beside the re-scoring: a thread that finds them, and one for each hook that sends them."""

from __future__ import annotations

import logging
import threading
import time
from typing import Final

from features.errors import LeadOddsError
from models.home.home import Home
from serving.alerts.config import AlertsConfig, read_alerts_config, read_targets
from serving.alerts.finding import AlertFinder
from serving.alerts.queue import give_up
from serving.alerts.sending import HookSender
from serving.clock import Clock
from serving.scoring.live_model import LiveModel
from serving.settings import ServerSettings
from serving.store.store import Store

_LOG: Final = logging.getLogger("leadodds.serving")

_POLL_SECONDS: Final = 1.0
# Between two looks for messages whose time is over.
_EXPIRY_SECONDS: Final = 60.0
_AFTER_FAULT_SECONDS: Final = 5.0
# How long a message that is on its way may take to end before the process ends without it.
_FINISH_SECONDS: Final = 5.0


class Alerting:
    """All threads of alerts of one process."""

    def __init__(
        self, store: Store, live: LiveModel, settings: ServerSettings, config: AlertsConfig, *, clock: Clock
    ) -> None:
        """Prepares the threads.

        Raises:
            MissingCredentialError: the address or secret of a hook is nowhere, or cannot be used.
        """
        self._store = store
        self._finder = AlertFinder(
            store,
            live,
            Home(settings.home),
            config,
            clock=clock,
            display=store.keep_display(settings.display),
            record_url=settings.record_url,
        )
        senders = [
            HookSender(store, name, config.hooks[name], target, clock=clock)
            for name, target in read_targets(config).items()
        ]
        self._next_expiry = 0.0
        self._is_closing = threading.Event()
        self._is_leading = threading.Event()
        self._finding = threading.Thread(target=self._find, name="leadodds-alerts", daemon=True)
        self._sending = [
            threading.Thread(
                target=sender.run,
                args=(self._is_closing, self._is_leading),
                name="leadodds-hook",
                daemon=True,
            )
            for sender in senders
        ]

    def start(self) -> None:
        """Starts the threads; they do nothing before this process leads."""
        for thread in (self._finding, *self._sending):
            thread.start()

    def lead(self, *, is_leading: bool) -> None:
        """Says whether this process is the one of a service that finds and sends alerts."""
        if is_leading:
            self._is_leading.set()
        else:
            self._is_leading.clear()

    def close(self) -> None:
        """Ends the threads."""
        self._is_closing.set()
        self._finding.join()
        for thread in self._sending:
            thread.join(_FINISH_SECONDS)

    def _find(self) -> None:
        wait = 0.0
        while not self._is_closing.wait(wait):
            if not self._is_leading.is_set():
                wait = _POLL_SECONDS
                continue
            try:
                self._give_up()
                wait = 0.0 if self._finder.step() else _POLL_SECONDS
            except Exception as error:  # noqa: BLE001 - what was not found is found by the next attempt
                _LOG.error("alerts were not looked for: %s", type(error).__name__)
                wait = _AFTER_FAULT_SECONDS

    def _give_up(self) -> None:
        if time.monotonic() < self._next_expiry:
            return
        self._next_expiry = time.monotonic() + _EXPIRY_SECONDS
        given_up = self._store.write(lambda connection, receipt: give_up(connection, now=receipt.at)).result()
        for hook, count in given_up.items():
            _LOG.warning("%s alerts were given up: the hook %s did not take them in time", count, hook)


def open_alerting(
    store: Store, live: LiveModel, settings: ServerSettings, *, clock: Clock
) -> Alerting | None:
    """Opens the alerts that the configuration names; None where it names none, or cannot be used any more."""
    try:
        config = read_alerts_config(settings.config)
        if config is None or not config.hooks:
            return None
        return Alerting(store, live, settings, config, clock=clock)
    except LeadOddsError as error:
        # The server has read it, too, before it started; the scores are more than the alerts.
        _LOG.error("no alerts are sent: %s", error)
        return None
