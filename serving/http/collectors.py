"""Figures that others know, read at the moment of asking: of the model, and of the items of the database."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from serving.intake.ingestion import RECEIVED
from serving.scoring.live_model import LiveModel

# By item, how many were received and what became of them, as `serving.intake.ingestion` reads them.
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
