"""Counts of a simulated company, and the skill of the truth itself."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.history.lead_history import Floats
from features.times import format_time
from training.simulator.tables import MAIN_HORIZON_DAYS

Tables = dict[str, pa.Table]

# Files of the tables below the folder of a company.
FILES: Final = {
    "leads": "history/leads.parquet",
    "interactions": "history/interactions.parquet",
    "outcomes": "history/outcomes.parquet",
    "attribute_changes": "history/attribute_changes.parquet",
    "truth": "truth.parquet",
}


@dataclass(frozen=True, slots=True)
class SimulationSummary:
    """What was written.

    Attributes:
        history: folder of the tables.
        truth: file of the true probabilities of the leads open at the end.
        leads: number of leads.
        interactions: number of interactions known at the end.
        converted: leads known to have converted.
        lost: leads known to be lost.
        open: the other leads; each has a row of truth.
        observed_until: the end, which is the `as_of` of the truth.
        horizon_days: of the column `probability`.
        base_rate: mean true probability of the open leads, NaN without any.
        oracle_skill: share of the base rate's expected log loss that the truth saves, NaN without open leads.
    """

    history: str
    truth: str
    leads: int
    interactions: int
    converted: int
    lost: int
    open: int
    observed_until: str
    horizon_days: int
    base_rate: float
    oracle_skill: float

    def summary(self) -> dict[str, str | int | float | None]:
        """The summary as an object, with null for NaN."""
        return {
            name: None if isinstance(value, float) and math.isnan(value) else value
            for name, value in asdict(self).items()
        }


class Counts:
    """Counts of what was written, chunk by chunk."""

    def __init__(self) -> None:
        self.rows = dict.fromkeys(FILES, 0)
        self.converted = 0
        self.truth: list[Floats] = []

    def add(self, tables: Tables) -> None:
        """Counts the tables of one more chunk."""
        for name, table in tables.items():
            self.rows[name] += table.num_rows
        self.converted += pc.sum(pc.equal(tables["outcomes"]["outcome"], "converted")).as_py() or 0
        self.truth.append(tables["truth"]["probability"].to_numpy())

    def summary(self, out: Path, *, until: int) -> SimulationSummary:
        """Sums up what was written below `out`, of a company that ends at a moment, microseconds UTC."""
        truth = np.concatenate(self.truth)
        return SimulationSummary(
            history=str(out / "history"),
            truth=str(out / FILES["truth"]),
            leads=self.rows["leads"],
            interactions=self.rows["interactions"],
            converted=self.converted,
            lost=self.rows["outcomes"] - self.converted,
            open=self.rows["truth"],
            observed_until=format_time(until),
            horizon_days=MAIN_HORIZON_DAYS,
            base_rate=float(truth.mean()) if len(truth) else float("nan"),
            oracle_skill=measure_skill(truth, truth),
        )


def measure_skill(probability: Floats, truth: Floats) -> float:
    """Computes the log-loss skill of a prediction against the base rate, in expectation under the truth.

    Skill is 1 - E[log loss] / E[log loss of the mean truth]. The oracle's own, `measure_skill(truth, truth)`,
    is the highest possible.

    Args:
        probability: (leads,) predicted, strictly between 0 and 1.
        truth: (leads,) true.

    Returns:
        1 at most; NaN without leads.

    >>> truth = np.array([0.1, 0.9])
    >>> round(measure_skill(truth, truth), 3), measure_skill(np.array([0.5, 0.5]), truth)
    (0.531, 0.0)
    """
    if not len(truth):
        return float("nan")
    base = np.full(len(truth), truth.mean())
    losses = [
        -(truth * np.log(predicted) + (1 - truth) * np.log1p(-predicted)).mean()
        for predicted in (probability, base)
    ]
    return float(1 - losses[0] / losses[1])
