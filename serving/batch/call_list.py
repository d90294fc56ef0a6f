"""The leads to call first, as text for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import pyarrow.dataset as ds

_COLUMNS: Final = ["rank", "lead_id", "probability", "band", "stage", "horizon_days", "reasons"]
_OTHER: Final = "other"


def call_list(scores: str, *, leads_count: int = 10) -> str:
    """Lists the leads to call first, with their reasons.

    Args:
        scores: target that `leadodds score` wrote.
        leads_count: how many leads.

    Returns:
        A line per lead, and one per reason; empty where no lead has a rank, or reasons are text (CSV, table).
    """
    if "://" in scores or scores.lower().endswith(".csv"):
        return ""
    ranked = ds.dataset(scores, format="parquet").to_table(
        columns=_COLUMNS, filter=ds.field("rank") <= leads_count
    )
    return "\n".join(line for row in ranked.sort_by("rank").to_pylist() for line in _lines(row))


def _lines(row: Mapping[str, Any]) -> Iterator[str]:
    band = row["band"] or "-"
    chance = f"{row['probability']:6.1%} within {row['horizon_days']:g} days"
    yield f"{row['rank']:>3}. {row['lead_id']}  {chance}  band {band}  {row['stage']}"
    for reason in row["reasons"]:
        if reason["feature"] != _OTHER:
            value = "" if reason["value"] is None else f": {reason['value']}"
            yield f"       {reason['points']:+.2f}  {reason['label']}{value}"
