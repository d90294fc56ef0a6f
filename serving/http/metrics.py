"""The metrics of a server for Prometheus: its own counters, and values read when Prometheus asks.

Workers keep their counters in files of one folder, named by PROMETHEUS_MULTIPROC_DIR; each reports the sum.

Source: https://prometheus.io/docs/practices/naming/.
"""

from __future__ import annotations

import os
import time
from collections import Counter as Counts
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from features.times import parse_time
from models.home.home import Home
from models.home.latest_monitor import read_latest
from serving.alerts.counts import HookCounts
from serving.intake.counts import RECEIVED
from serving.keys.live_keys import LiveKeys
from serving.scoring.live_model import LiveModel
from serving.store.staleness import Staleness
from serving.stored_leads.live_staleness import LiveStaleness

FOLDER_VARIABLE: Final = "PROMETHEUS_MULTIPROC_DIR"
MEDIA_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

_SECONDS: Final = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1.0, 5.0)
_FEATURE_SECONDS: Final = (0.00005, 0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.02, 0.1)


class Metrics:
    """Counts the requests and scores of one process; cheap enough for every request."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "leadodds_requests",
            "Requests answered.",
            ["method", "route", "status"],
            registry=self._registry,
        )
        self._seconds = Histogram(
            "leadodds_request_seconds",
            "Time from a request to the end of its response.",
            ["method", "route"],
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._scores = Counter(
            "leadodds_scores", "Leads scored, by status.", ["route", "status"], registry=self._registry
        )
        self._features = Histogram(
            "leadodds_feature_seconds",
            "Time to compute the features of one lead; of leads scored in one batch, the mean.",
            buckets=_FEATURE_SECONDS,
            registry=self._registry,
        )
        self.observe_features = self._features.observe
        # Finding a child by its labels takes longer than counting.
        self._of_requests: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}
        self._of_scores: dict[tuple[str, str], Counter] = {}

    def count_request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Counts one request."""
        key = (method, route, status)
        children = self._of_requests.get(key)
        if children is None:
            children = self._requests.labels(method, route, status), self._seconds.labels(method, route)
            self._of_requests[key] = children
        children[0].inc()
        children[1].observe(seconds)

    def count_score(self, route: str, status: str) -> None:
        """Counts one lead, scored or failed."""
        child = self._of_scores.get((route, status))
        if child is None:
            child = self._of_scores[route, status] = self._scores.labels(route, status)
        child.inc()

    def exposition(
        self, live: LiveModel, keys: LiveKeys, ingestion: ItemCounts | None, staleness: LiveStaleness
    ) -> bytes:
        """Writes everything in the text format.

        Args:
            live: the model of this worker.
            keys: the keys of this worker.
            ingestion: counts of all items; None leaves them out.
            staleness: how far the current scores are behind, and how large the database is.

        Returns:
            The counters summed over all workers, then the values of this moment.
        """
        collectors: list[Collector] = [
            ModelCollector(live),
            MonitorCollector(live.home),
            KeyCollector(keys),
            ProcessCollector(registry=None),
        ]
        if ingestion is not None:
            collectors.append(ItemCollector(ingestion))
        if staleness.found is not None:
            collectors.append(StalenessCollector(staleness.found))
        if staleness.alerts is not None:
            collectors.append(AlertCollector(staleness.alerts))
        if staleness.database_bytes is not None:
            collectors.append(SizeCollector(staleness.database_bytes))
        current = [generate_latest(_registry_of(*collectors))]
        if FOLDER_VARIABLE in os.environ:
            summed = CollectorRegistry()
            MultiProcessCollector(summed)  # type: ignore[no-untyped-call]
            return b"".join([generate_latest(summed), *current])
        return b"".join([generate_latest(self._registry), *current])


def _registry_of(*collectors: Collector) -> CollectorRegistry:
    registry = CollectorRegistry()
    for collector in collectors:
        registry.register(collector)
    return registry


# Counts by item and status, as `serving.intake.counts` reads them.
ItemCounts = Mapping[str, Mapping[str, int]]


class ItemCollector(Collector):
    """Reports the items of a database by status, whichever server or worker received them."""

    def __init__(self, ingestion: ItemCounts) -> None:
        self._ingestion = ingestion

    def collect(self) -> Iterator[CounterMetricFamily]:
        """Yields the numbers of received items, and of items by status."""
        received = CounterMetricFamily(
            "leadodds_items_received",
            "Items of acknowledged calls, of the whole database; the sum of leadodds_items_total.",
            labels=["item"],
        )
        by_status = CounterMetricFamily(
            "leadodds_items",
            "Received items by status: stored, duplicate, quarantined or refused.",
            labels=["item", "status"],
        )
        for item, counts in self._ingestion.items():
            for status, count in counts.items():
                if status == RECEIVED:
                    received.add_metric([item], count)
                else:
                    by_status.add_metric([item, status], count)
        yield from (received, by_status)


class KeyCollector(Collector):
    """Reports whether this worker can read the keys, when Prometheus asks."""

    def __init__(self, keys: LiveKeys) -> None:
        self._keys = keys

    def collect(self) -> Iterator[CounterMetricFamily | GaugeMetricFamily]:
        """Yields how often the keys could not be read, and whether none is accepted because of it."""
        description = "Times that the keys could not be read."
        yield CounterMetricFamily("leadodds_key_failures", description, self._keys.failures)
        description = "1 while no key is accepted, because the keys could not be read for long."
        yield GaugeMetricFamily("leadodds_keys_outdated", description, int(self._keys.are_outdated))


class SizeCollector(Collector):
    """Reports the size of the database."""

    def __init__(self, database_bytes: int) -> None:
        self._database_bytes = database_bytes

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yields the size."""
        description = "Size of the database, its write-ahead log included."
        yield GaugeMetricFamily("leadodds_database_bytes", description, self._database_bytes)


class AlertCollector(Collector):
    """Reports the messages for web hooks, by the names of these."""

    def __init__(self, counts: Sequence[HookCounts]) -> None:
        self._counts = counts

    def collect(self) -> Iterator[CounterMetricFamily | GaugeMetricFamily]:
        """Yields how many were taken, wait and were given up, and how long the oldest waits."""
        label = ["hook"]
        delivered = CounterMetricFamily(
            "leadodds_alerts_delivered", "Messages that a web hook took.", labels=label
        )
        pending = GaugeMetricFamily(
            "leadodds_alerts_pending", "Messages that wait for a web hook.", labels=label
        )
        given_up = GaugeMetricFamily(
            "leadodds_alerts_given_up", "Messages that a web hook did not take in time.", labels=label
        )
        oldest = GaugeMetricFamily(
            "leadodds_alerts_oldest_pending_seconds",
            "Time since the oldest message that waits was found; 0 where none waits.",
            labels=label,
        )
        now = time.time()
        for own in self._counts:
            delivered.add_metric([own.hook], own.delivered)
            pending.add_metric([own.hook], own.pending)
            given_up.add_metric([own.hook], own.given_up)
            found = own.oldest_pending
            oldest.add_metric([own.hook], 0.0 if found is None else max(0.0, now - found / 1e6))
        yield from (delivered, pending, given_up, oldest)


class StalenessCollector(Collector):
    """Reports how far the current scores of the database are behind."""

    def __init__(self, staleness: Staleness) -> None:
        self._staleness = staleness

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yields the number of leads that wait, and the age of the oldest score of an open lead."""
        description = "Leads without a current score: none, or of before a change or of another version."
        yield GaugeMetricFamily("leadodds_leads_pending", description, self._staleness.leads_pending)
        if self._staleness.oldest_as_of is not None:
            age = time.time() - self._staleness.oldest_as_of / 1e6
            description = "Time since the as_of of the oldest score of an open lead."
            yield GaugeMetricFamily("leadodds_oldest_score_seconds", description, age)


class MonitorCollector(Collector):
    """Reports what the monitor found when it last ran, read from its file when Prometheus asks."""

    def __init__(self, home: Home) -> None:
        self._home = home

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yields its age, the crossed limits by rule, and expected and observed conversions."""
        found = read_latest(self._home)
        if found is None:
            return
        age = time.time() - parse_time(found["as_of"], item="as_of") / 1e6
        yield GaugeMetricFamily("leadodds_monitor_age_seconds", "Time since the monitor's moment.", age)
        flagged = GaugeMetricFamily(
            "leadodds_monitor_flagged",
            "1 while a limit of the monitor is crossed, by its action.",
            labels=["action"],
        )
        verdict = found["verdict"]
        flagged.add_metric([verdict["action"]], int(verdict["flagged"]))
        crossed = GaugeMetricFamily(
            "leadodds_monitor_crossed", "Crossed limits of the monitor, by rule.", labels=["rule"]
        )
        for rule, count in Counts(
            line["rule"] for line in verdict["lines"] if line["state"] == "crossed"
        ).items():
            crossed.add_metric([rule], count)
        yield from (flagged, crossed)
        recent = found["expected_observed"]["recent"]
        for name in ("expected", "observed"):
            description = f"Conversions {name} so far of the scores of the last horizon."
            yield GaugeMetricFamily(f"leadodds_monitor_{name}_conversions", description, recent[name])


class ModelCollector(Collector):
    """Reports the model in use in this worker, when Prometheus asks."""

    def __init__(self, live: LiveModel) -> None:
        self._live = live

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yields its version, its age, and whether a newer one was refused."""
        card, refusal = self._live.predictor.bundle.card, self._live.refusal
        version = GaugeMetricFamily("leadodds_model_info", "The version in use.", labels=["model_version"])
        version.add_metric([card.model_version], 1)
        yield version
        age = time.time() - card.created_at / 1e6
        yield GaugeMetricFamily("leadodds_model_age_seconds", "Time since the model was trained.", age)
        observed_age = time.time() - card.observed_until / 1e6
        description = "Time since the last instant of the training data."
        yield GaugeMetricFamily("leadodds_model_observed_age_seconds", description, observed_age)
        description = "1 while the champion is refused and another version stays in use."
        yield GaugeMetricFamily("leadodds_model_refused", description, 0 if refusal is None else 1)
