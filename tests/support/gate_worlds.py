"""A made-up company with which nothing is wrong, and what can be done to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import pyarrow as pa

from tests.support.builders import Row, lead, lost, tables, touch, won

DAYS: Final = 210.0


@dataclass
class World:
    """Rows of the tables, times in days; to be changed before `tables` is asked for."""

    leads: list[Row] = field(default_factory=list)
    interactions: list[Row] = field(default_factory=list)
    outcomes: list[Row] = field(default_factory=list)
    aliases: list[Row] | None = None

    def tables(self) -> dict[str, pa.Table]:
        return tables(self.leads, self.interactions, self.outcomes, aliases=self.aliases)

    def ends(self, outcome: str) -> dict[str, float]:
        """When leads ended so, by id."""
        return {row["lead_id"]: row["occurred_at"] for row in self.outcomes if row["outcome"] == outcome}

    def fill(self, column: str, value_of: Callable[[Row, bool], Any]) -> World:
        """Gives each lead an attribute that may depend on whether it converts."""
        converted = self.ends("converted")
        for row in self.leads:
            row[column] = value_of(row, row["lead_id"] in converted)
        return self

    def add(self, kind: str, when: Iterator[tuple[str, float]]) -> World:
        """Adds interactions of one kind."""
        self.interactions += [touch(lead_id, kind, at) for lead_id, at in when]
        return self

    def keep(self, table: str, wanted: Callable[[Row], bool]) -> World:
        """Leaves out rows of a table."""
        setattr(self, table, [row for row in getattr(self, table) if wanted(row)])
        return self

    def move(self, table: str, column: str, moved: Callable[[Row], float]) -> World:
        """Gives rows of a table another time."""
        for row in getattr(self, table):
            row[column] = moved(row)
        return self


def honest_world(*, leads_count: int = 1000, seed: int = 0) -> World:
    """Leads that arrive evenly by day, look at pages, are called and mailed; four in ten convert."""
    rng = np.random.default_rng(seed)
    world = World()
    for number in range(leads_count):
        lead_id, created = f"lead-{number:04d}", by_day(rng, DAYS * number / leads_count)
        size = None if rng.random() < 0.2 else float(rng.integers(1, 500))
        world.leads.append(lead(lead_id, created, country=["de", "fr", "nl"][number % 3], size=size))
        end = created + 0.5 + float(rng.exponential(12.0))
        for kind, mean in (("page_view", 3), ("call_outbound", 1.5), ("email_sent", 1)):
            for _ in range(rng.poisson(mean)):
                at = by_day(rng, created + float(rng.exponential(6.0)) + 1)
                if at < min(end, DAYS):
                    world.interactions.append(touch(lead_id, kind, at))
        chance = rng.random()
        if end < DAYS and chance < 0.9:
            world.outcomes.append(won(lead_id, end) if chance < 0.4 else lost(lead_id, end))
    return world


def by_day(rng: np.random.Generator, day: float) -> float:
    """A moment of the same day between 7 and 19 o'clock."""
    return int(day) + float(rng.triangular(7, 13, 19)) / 24
