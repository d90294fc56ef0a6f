"""The figures of a server as Prometheus reads them: what it counts itself, and what others know.

Workers keep theirs in files of one folder, named by PROMETHEUS_MULTIPROC_DIR, and each tells the sum of all.
Source: https://prometheus.io/docs/practices/naming/.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from serving.intake.ingest import RECEIVED
from serving.scoring.live_model import LiveModel

FOLDER_VARIABLE: Final = "PROMETHEUS_MULTIPROC_DIR"
MEDIA_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

_SECONDS: Final = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1.0, 5.0)
_FEATURE_SECONDS: Final = (0.00005, 0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.02, 0.1)


class Metrics:
    """Counts what one process does; cheap enough for every request."""

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
            "Time from a request to the end of its answer.",
            ["method", "route"],
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._scores = Counter(
            "leadodds_scores", "Leads scored, by status.", ["route", "status"], registry=self._registry
        )
        self._features = Histogram(
            "leadodds_feature_seconds",
            "Time that the features of one lead take; of leads that are asked about together, their mean.",
            buckets=_FEATURE_SECONDS,
            registry=self._registry,
        )
        self.observe_features = self._features.observe
        # Looking a child up by its labels costs more than counting.
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
        """Counts one lead that was scored, or could not be."""
        child = self._of_scores.get((route, status))
        if child is None:
            child = self._of_scores[route, status] = self._scores.labels(route, status)
        child.inc()

    def exposition(self, live: LiveModel, ingestion: ItemCounts | None) -> bytes:
        """Writes everything in the text format.

        Args:
            live: the model of the worker that is asked.
            ingestion: what became of all items; None leaves them out.

        Returns:
            The sum of all workers, and what is so at the moment of asking.
        """
        collectors: list[Collector] = [ModelCollector(live), ProcessCollector(registry=None)]
        if ingestion is not None:
            collectors.append(ItemCollector(ingestion))
        told = [generate_latest(_registry_of(*collectors))]
        if FOLDER_VARIABLE in os.environ:
            summed = CollectorRegistry()
            MultiProcessCollector(summed)  # type: ignore[no-untyped-call]
            return b"".join([generate_latest(summed), *told])
        return b"".join([generate_latest(self._registry), *told])


def _registry_of(*collectors: Collector) -> CollectorRegistry:
    registry = CollectorRegistry()
    for collector in collectors:
        registry.register(collector)
    return registry


# By item, how many were received and what became of them, as `serving.intake.ingest` reads them.
ItemCounts = Mapping[str, Mapping[str, int]]


class ItemCollector(Collector):
    """Tells what became of all items of a database, whichever server or worker took them."""

    def __init__(self, ingestion: ItemCounts) -> None:
        self._ingestion = ingestion

    def collect(self) -> Iterator[CounterMetricFamily]:
        """Gives what was received, and its statuses."""
        received = CounterMetricFamily(
            "leadodds_items_received",
            "Items of acknowledged calls, of the whole database; the sum of leadodds_items_total.",
            labels=["item"],
        )
        became = CounterMetricFamily(
            "leadodds_items",
            "What became of the items received: stored, duplicate, quarantined or refused.",
            labels=["item", "status"],
        )
        for item, counts in self._ingestion.items():
            for status, count in counts.items():
                if status == RECEIVED:
                    received.add_metric([item], count)
                else:
                    became.add_metric([item, status], count)
        yield from (received, became)


class ModelCollector(Collector):
    """Tells of the model as it is when it is asked, in the worker that is asked."""

    def __init__(self, live: LiveModel) -> None:
        self._live = live

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Gives version, age, and whether a newer one was refused."""
        card, refusal = self._live.predictor.bundle.card, self._live.refusal
        version = GaugeMetricFamily(
            "leadodds_model_info", "The version that answers.", labels=["model_version"]
        )
        version.add_metric([card.model_version], 1)
        yield version
        age = time.time() - card.created_at / 1e6
        yield GaugeMetricFamily("leadodds_model_age_seconds", "Time since the model was trained.", age)
        known = time.time() - card.observed_until / 1e6
        about = "Time since the last instant that the model learnt from."
        yield GaugeMetricFamily("leadodds_model_observed_age_seconds", about, known)
        about = "1 while the champion is refused and another version goes on answering."
        yield GaugeMetricFamily("leadodds_model_refused", about, 0 if refusal is None else 1)
