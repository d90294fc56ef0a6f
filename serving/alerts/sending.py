"""Sends the messages of one hook, one after the other, until each is taken.

Whoever takes a message and is not heard gets it again, with the same id. A hook that is away is left alone
ever longer; each hook has a thread of its own, so that none holds up another. Of what a hook answers only the
status is kept: it may repeat its address, which is a secret.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections import deque
from contextlib import suppress
from functools import partial
from itertools import islice
from typing import Final

import httpx

from features.times import US_PER_SECOND
from serving.alerts.config import HookConfig, HookTarget
from serving.alerts.forms import body_of
from serving.alerts.queue import Delivery, due_alert, note_deliveries
from serving.alerts.signing import signed_headers
from serving.clock import Clock
from serving.outgoing.addresses import open_http
from serving.outgoing.retries import LATER, backoff, retry_after
from serving.scoring.json_rows import JsonObject
from serving.store.store import Store

_LOG: Final = logging.getLogger("leadodds.serving")

TIMEOUT_SECONDS: Final = 10.0
# Between two attempts of a message, between two attempts at a hook that is away, and as a hook asks for.
_LONGEST_WAIT: Final = 3_600.0
_LONGEST_PAUSE: Final = 300.0
_LONGEST_ASKED: Final = 86_400.0
# Messages whose ends are noted in one transaction, and for how long they may be sent before that: after a
# kill they are sent again.
_AT_ONCE: Final = 25
_BATCH_SECONDS: Final = 1.0
_IDLE_SECONDS: Final = 1.0
_PIECE_BYTES: Final = 4_096
_MOST_PIECES: Final = 4


class HookSender:
    """Sends the messages of one hook."""

    def __init__(
        self, store: Store, name: str, hook: HookConfig, target: HookTarget, *, clock: Clock
    ) -> None:
        self._store = store
        self._name = name
        self._hook = hook
        self._target = target
        self._clock = clock
        self._http = open_http(timeout=TIMEOUT_SECONDS)
        # Attempts in a row that found the hook away.
        self._away = 0
        self._pause = 0.0

    def run(self, is_closing: threading.Event, is_leading: threading.Event) -> None:
        """Sends until it is to close, while this process leads."""
        wait = 0.0
        while not is_closing.wait(wait):
            try:
                wait = _IDLE_SECONDS if not is_leading.is_set() else self.send_due(is_closing)
            except Exception as error:  # noqa: BLE001 - the messages wait in the database, and are tried again
                _LOG.error("alerts of the hook %s were not sent: %s", self._name, type(error).__name__)
                wait = _LONGEST_PAUSE / 60
        self.close()

    def close(self) -> None:
        """Closes the connections."""
        self._http.close()

    def send_due(self, is_closing: threading.Event) -> float:
        """Sends some messages that are due; returns the seconds after which to go on."""
        self._pause, ended, began = 0.0, list[Delivery](), time.monotonic()
        while len(ended) < _AT_ONCE and not self._pause and not is_closing.is_set():
            if time.monotonic() - began > _BATCH_SECONDS:
                break
            done = [delivery.alert_id for delivery in ended]
            # One by one: a lead that was erased meanwhile has none.
            due = self._store.read(partial(due_alert, hook=self._name, now=self._clock(), but=done))
            if due is None:
                break
            ended.append(self._send(due.alert_id, json.loads(due.event), due.attempts))
        if not ended:
            return _IDLE_SECONDS
        self._store.write(
            lambda connection, receipt: note_deliveries(connection, ended, now=receipt.at)
        ).result()
        return self._pause

    def _send(self, alert_id: str, event: JsonObject, attempts: int) -> Delivery:
        status, asked, fault = deliver(
            self._http, self._hook, self._target, alert_id, event, seconds=self._clock() // US_PER_SECOND
        )
        if fault is None:
            self._away = 0
            return Delivery(self._name, alert_id)
        wait = backoff(attempts, longest=_LONGEST_WAIT)
        if status is None or status in LATER:
            pause = backoff(self._away, longest=_LONGEST_PAUSE)
            self._away += 1
            self._pause = pause if asked is None else min(max(asked, 0.05), _LONGEST_ASKED)
            if self._away == 1:
                _LOG.warning("the hook %s takes no alerts: %s", self._name, fault)
        return Delivery(self._name, alert_id, fault, max(wait, self._pause))


def deliver(
    http: httpx.Client,
    hook: HookConfig,
    target: HookTarget,
    message_id: str,
    event: JsonObject,
    *,
    seconds: int,
) -> tuple[int | None, float | None, str | None]:
    """Sends a message once.

    Args:
        http: sends it.
        hook: says in which form.
        target: its address and secrets.
        message_id: the same for all attempts.
        event: what it says.
        seconds: now, since 1970.

    Returns:
        The status of the answer (None: there was none), the seconds that it asks to wait, and why it was not
        taken (None: it was).
    """
    body = body_of(event, hook.form)
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "LeadOdds",
        **signed_headers(message_id, body, seconds=seconds, secrets=target.secrets),
    }
    try:
        with http.stream("POST", target.url, content=body, headers=headers) as response:
            status, asked = response.status_code, retry_after(response.headers)
            # A connection whose answer was read serves again; one of any length is not read.
            with suppress(httpx.HTTPError):
                deque(islice(response.iter_raw(_PIECE_BYTES), _MOST_PIECES), maxlen=0)
            if response.is_success:
                return status, asked, None
    except httpx.HTTPError as error:
        return None, None, f"it did not answer ({type(error).__name__})"
    return status, asked, f"it answered {status}"
