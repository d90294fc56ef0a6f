"""Finds what is to be told, in the current scores as they are written, whoever writes them.

The scores are read in the order of their commits. The alerts that they give are written in one transaction
with the place that was reached, so that each change is told of once, whatever ends the process between.

Where alerts are looked for the first time, all leads are taken as they stand, and nothing is told of them.
The same holds for the bands of a new model: until all leads have its scores, who enters or leaves the highest
band is noted and not told, because the model moved, not the lead.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import sqlalchemy as sa

from features.times import US_PER_HOUR
from models.home.home import Home
from serving.alerts.config import AlertsConfig, Kind
from serving.alerts.events import LeadFacts, lead_event, verdict_event
from serving.alerts.feed import (
    Feed,
    existing_leads,
    is_settled,
    read_feed,
    read_scores,
    read_states,
    read_waiting,
    report_waiting,
    write_feed,
    write_states,
)
from serving.alerts.queue import NewAlert, add_alerts
from serving.alerts.transitions import NOTHING, LeadState, transition_of
from serving.alerts.verdicts import Verdict, read_verdicts
from serving.clock import Clock
from serving.database.writer import Receipt
from serving.outgoing.addresses import lead_page
from serving.scoring.live_model import LiveModel
from serving.store.display import display_values
from serving.store.store import Store

# Rows of one transaction: the server's own writer waits for no longer than these take.
_ROWS: Final = 500


class AlertFinder:
    """Looks for alerts, in steps; one process of a service does it."""

    def __init__(
        self,
        store: Store,
        live: LiveModel,
        home: Home,
        config: AlertsConfig,
        *,
        clock: Clock,
        display: Sequence[str] = (),
        record_url: Callable[[str], str | None] = lambda _: None,
    ) -> None:
        """Prepares it; nothing is read yet.

        Args:
            store: of the scores.
            live: the model in use, which names the highest band.
            home: where the monitoring leaves its verdict.
            config: of the alerts.
            clock: gives now.
            display: attributes that people see beside a lead.
            record_url: address of a lead in the CRM.
        """
        self._store = store
        self._live = live
        self._home = home
        self._config = config
        self._clock = clock
        self._display = display
        self._record_url = record_url

    def step(self) -> bool:
        """Looks at some scores; whether there may be more."""
        feed = self._store.read(read_feed)
        if feed is None:
            self._begin()
            return True
        if feed.waiting_hours != self._config.waiting_hours:
            return self._write(feed, feed._replace(waiting_hours=self._config.waiting_hours), is_told=True)
        rows = self._store.read(lambda connection: read_scores(connection, feed, limit=_ROWS))
        if rows:
            return self._take(feed, rows)
        version = self._live.predictor.model_version
        if feed.model_version != version:
            if not self._store.read(lambda connection: is_settled(connection, version)):
                return False
            settled = feed._replace(model_version=version)
            # The first time, who waits for long already is no news.
            return self._write(feed, settled, is_told=not feed.model_version)
        return self._take_waiting(feed) or self._take_verdicts(feed)

    def _begin(self) -> None:
        first = Feed(waiting_hours=self._config.waiting_hours)
        self._store.write(lambda connection, _: write_feed(connection, None, first)).result()

    def _take(self, feed: Feed, rows: Sequence[Mapping[str, Any]]) -> bool:
        """Compares scores with how their leads stood."""
        ids = [row["lead_id"] for row in rows]
        before = self._store.read(lambda connection: read_states(connection, ids))
        top, now = self._top, self._clock()
        told: list[tuple[Kind, Mapping[str, Any], LeadState]] = []
        states: dict[str, LeadState] = {}
        for row in rows:
            own = before.get(row["lead_id"], NOTHING)
            state, kind = transition_of(own, row, top=top, now=now)
            if state != own:
                states[row["lead_id"]] = state
            if kind is not None and row["model_version"] == feed.model_version:
                told.append((kind, row, state))
        reached = feed._replace(written=rows[-1]["written"], lead_id=rows[-1]["lead_id"])
        return self._write(feed, reached, alerts=self._lead_alerts(told, now), states=states)

    def _take_waiting(self, feed: Feed) -> bool:
        """Tells of leads that wait for too long by now."""
        limit, now = self._config.waiting_hours, self._clock()
        if limit is None:
            return False
        before = now - round(limit * US_PER_HOUR)
        rows = self._store.read(lambda connection: read_waiting(connection, feed, before=before, limit=_ROWS))
        if not rows:
            return False
        states = {row["lead_id"]: LeadState(row["is_top"], row["waiting_since"], True) for row in rows}
        told: list[tuple[Kind, Mapping[str, Any], LeadState]] = [
            ("waiting", row, states[row["lead_id"]])
            for row in rows
            if row["priority"] is not None and (row["set_aside_until"] or 0) <= now
        ]
        return self._write(feed, feed, alerts=self._lead_alerts(told, now), states=states)

    def _take_verdicts(self, feed: Feed) -> bool:
        """Tells of lines of the verdict that were not there before."""
        verdicts = read_verdicts(self._home)
        if verdicts is None:
            return False
        identities = json.dumps(sorted({verdict.identity for verdict in verdicts}))
        if identities == feed.verdicts:
            return False
        known, now = json.loads(feed.verdicts), self._clock()
        new = [verdict for verdict in verdicts if verdict.identity not in known]
        return self._write(feed, feed._replace(verdicts=identities), alerts=self._verdict_alerts(new, now))

    def _write(
        self,
        before: Feed,
        after: Feed,
        *,
        alerts: Sequence[NewAlert] = (),
        states: Mapping[str, LeadState] | None = None,
        is_told: bool = False,
    ) -> bool:
        """Writes alerts, and how far they were looked for; nothing where another process did so meanwhile."""
        ids = [*(states or {}), *(alert.lead_id for alert in alerts if alert.lead_id is not None)]

        def write(connection: sa.Connection, receipt: Receipt) -> None:
            if not write_feed(connection, before, after):
                return
            # An erasure that came meanwhile holds.
            left = existing_leads(connection, ids) if ids else set()
            write_states(connection, {own: state for own, state in (states or {}).items() if own in left})
            kept = [alert for alert in alerts if alert.lead_id is None or alert.lead_id in left]
            expires_at = receipt.at + round(self._config.give_up_hours * US_PER_HOUR)
            add_alerts(connection, kept, now=receipt.at, expires_at=expires_at)
            if is_told and after.waiting_hours is not None:
                report_waiting(connection, before=receipt.at - round(after.waiting_hours * US_PER_HOUR))

        self._store.write(write).result()
        return True

    def _lead_alerts(
        self, told: Sequence[tuple[Kind, Mapping[str, Any], LeadState]], now: int
    ) -> list[NewAlert]:
        wanted = [(own, hooks) for own in told if (hooks := self._hooks_of(own[0], own[1]))]
        ids = [row["lead_id"] for (_, row, _), _ in wanted]
        names = self._live.predictor.unprotected(self._display)
        shown = self._store.read(lambda connection: display_values(connection, ids, names))
        page, top, alerts = self._config.page, self._top, []
        for (kind, row, state), hooks in wanted:
            own = row["lead_id"]
            url = None if page is None else lead_page(page, own)
            facts = LeadFacts(row, shown[own], url, self._record_url(own))
            event = lead_event(kind, facts, top=top, now=now, waiting_since=state.waiting_since)
            alerts.append(NewAlert(kind, own, event, hooks))
        return alerts

    def _verdict_alerts(self, verdicts: Sequence[Verdict], now: int) -> list[NewAlert]:
        hooks = [name for name, hook in self._config.hooks.items() if hook.takes("verdict")]
        if not hooks:
            return []
        page = self._config.page
        return [
            NewAlert("verdict", None, verdict_event(verdict, now=now, page_url=page), hooks)
            for verdict in verdicts
        ]

    def _hooks_of(self, kind: Kind, row: Mapping[str, Any]) -> list[str]:
        said = {"owner": row["owner"], "territory": row["territory"]}
        return [name for name, hook in self._config.hooks.items() if hook.takes(kind, **said)]

    @property
    def _top(self) -> str:
        return self._live.predictor.band_names[0]
