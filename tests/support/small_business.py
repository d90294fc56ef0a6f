"""A small company whose history can be trained on in seconds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tests.support.builders import Row, lead, lost, tables, touch, won
from training.config import TrainingConfig

# Few trees and origins: what is tested is that all holds together, not how well it predicts.
CONFIG = TrainingConfig(
    quick=True,
    workers=1,
    time_edges_days=(0, 7, 14, 30),
    horizon_days=14,
    grid_spacing_days=5,
    iterations=15,
    learning_rate=0.2,
    min_leaf_rows=20,
    max_bins=8,
    min_conversions_per_bin=15,
    bootstrap_replicates=100,
)


def small_business(*, leads_count: int = 900, days: float = 120.0, seed: int = 0) -> dict[str, pa.Table]:
    """Leads that arrive evenly; whoever asks for a demo converts three times as often as the others."""
    rng = np.random.default_rng(seed)
    leads: list[Row] = []
    interactions: list[Row] = []
    outcomes: list[Row] = []
    for number in range(leads_count):
        lead_id, created = f"lead-{number:05d}", float(rng.random() * days)
        is_keen = rng.random() < 0.3
        country, size = ["de", "fr", "nl"][number % 3], int(rng.integers(1, 500))
        leads.append(lead(lead_id, created, country=country, size=size))
        interactions.append(touch(lead_id, "page_viewed", created))
        next_kind = "demo_requested" if is_keen else "page_viewed"
        interactions.append(touch(lead_id, next_kind, created + rng.random()))
        end = created + float(rng.exponential(10.0)) + 0.1
        chance = rng.random()
        if end < days and chance < (0.6 if is_keen else 0.2):
            outcomes.append(won(lead_id, end, amount=100.0))
        elif end < days and chance < 0.8:
            outcomes.append(lost(lead_id, end))
    return tables(leads, interactions, outcomes)


def write_business(folder: Path, made: dict[str, pa.Table], *, shuffle_seed: int | None = None) -> Path:
    """Writes the tables as Parquet, rows shuffled where a seed is given."""
    folder.mkdir(parents=True)
    for name, rows in made.items():
        if shuffle_seed is not None:
            rows = rows.take(np.random.default_rng(shuffle_seed).permutation(len(rows)))
        pq.write_table(rows, folder / f"{name}.parquet")
    return folder
