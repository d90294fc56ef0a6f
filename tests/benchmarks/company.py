"""Simulates the history that the night is measured on: large, in no order, and the same for the same size.

`python -m tests.benchmarks.company FOLDER LEADS [SPREAD]` writes it. Interactions are spread over the leads
as in a usual company (`gamma`: none to hundreds each), or by the law of Zipf (`zipf`: of a million leads one
in a hundred has two thirds of all interactions, and the longest one in fourteen).
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from features.history.lead_history import Floats, Ints
from features.times import US_PER_DAY, parse_time

AS_OF: Final = parse_time("2026-07-01T00:00:00Z")
KINDS: Final = (
    "page_view",
    "email_sent",
    "email_opened",
    "email_clicked",
    "form_submitted",
    "webinar_attended",
    "content_downloaded",
    "call_outbound",
    "call_missed",
    "meeting_held",
    "pricing_page_view",
    "demo_requested",
)
_HOW_OFTEN: Final = (0.3, 0.2, 0.12, 0.06, 0.03, 0.02, 0.05, 0.08, 0.06, 0.03, 0.03, 0.02)
_CHANNELS: Final = ("chat", "mail", "phone", "social", "web")
_SOURCES: Final = ("fair", "newsletter", "partner", "referral", "search", "social")
_COUNTRIES: Final = ("AT", "BE", "CH", "DE", "ES", "FR", "IT", "NL")
Spread = Literal["gamma", "zipf"]
_INTERACTIONS_EACH: Final = 19.5
_HISTORY_DAYS: Final = 540
_MOMENTS: Final = pa.timestamp("us", tz="UTC")
# Leads whose interactions are simulated at a time: memory stays small for any number of leads.
_GROUP_LEADS: Final = 250_000


def make_company(folder: Path, *, leads_count: int, spread: Spread = "gamma", seed: int = 1) -> Path:
    """Simulates leads, interactions and outcomes as Parquet, unless they are there.

    Args:
        folder: to write into; its parents are made.
        leads_count: each has 19.5 interactions on average.
        spread: of the number of interactions over the leads.
        seed: of everything.
    """
    if (folder / "outcomes.parquet").exists():
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(seed)
    created_at = AS_OF - (random.random(leads_count) * _HISTORY_DAYS * US_PER_DAY).astype(np.int64)
    numbers = random.permutation(leads_count)
    pq.write_table(_leads(random, numbers, created_at), folder / "leads.parquet")
    pace = _pace(random, leads_count, spread)
    _write_interactions(random, numbers, created_at, pace, folder / "interactions.parquet")
    pq.write_table(_outcomes(random, numbers, created_at), folder / "outcomes.parquet")
    return folder


def _ids(numbers: Ints) -> pa.Array:
    return pc.utf8_lpad(pa.array(numbers).cast(pa.string()), 9, "0")


def _leads(random: np.random.Generator, numbers: Ints, created_at: Ints) -> pa.Table:
    count = len(numbers)
    employees = np.round(random.lognormal(3, 1.5, count))
    return pa.table(
        {
            "lead_id": _ids(numbers),
            "created_at": pa.array(created_at).cast(_MOMENTS),
            "country": _names(random.integers(0, len(_COUNTRIES), count), _COUNTRIES),
            "source": _names(random.integers(0, len(_SOURCES), count), _SOURCES),
            "employees": pa.array(employees, mask=random.random(count) < 0.2),
            "has_budget": pa.array(random.random(count) < 0.3),
        }
    )


def _pace(random: np.random.Generator, leads_count: int, spread: Spread) -> Floats:
    """Draws how many interactions each lead has on average."""
    if spread == "gamma":
        return random.gamma(1.2, _INTERACTIONS_EACH / 1.2, leads_count)
    share = 1.0 / (1 + random.permutation(leads_count))
    return share * (_INTERACTIONS_EACH * leads_count / share.sum())


def _write_interactions(
    random: np.random.Generator, numbers: Ints, created_at: Ints, pace: Floats, path: Path
) -> None:
    """Spreads every group of leads over all row groups of the file, so that the file is in no order."""
    parts = [
        _interactions(random, *(each[start : start + _GROUP_LEADS] for each in (numbers, created_at, pace)))
        for start in range(0, len(numbers), _GROUP_LEADS)
    ]
    whole = pa.concat_tables(parts)
    order = random.permutation(len(whole))
    with pq.ParquetWriter(path, whole.schema) as writer:
        for start in range(0, len(whole), 1_000_000):
            writer.write_table(whole.take(pa.array(order[start : start + 1_000_000])), row_group_size=250_000)


def _interactions(random: np.random.Generator, numbers: Ints, created_at: Ints, pace: Floats) -> pa.Table:
    lead = np.repeat(np.arange(len(numbers)), random.poisson(pace))
    span = AS_OF + 20 * US_PER_DAY - created_at[lead]
    # Most happens soon after creation; a little lies after the moment of prediction.
    occurred_at = created_at[lead] + (span * random.random(len(lead)) ** 2).astype(np.int64)
    kind = random.choice(len(KINDS), len(lead), p=_HOW_OFTEN)
    channel = random.integers(0, len(_CHANNELS), len(lead))
    return pa.table(
        {
            "lead_id": _ids(numbers[lead]),
            "kind": _names(kind, KINDS),
            "occurred_at": pa.array(occurred_at).cast(_MOMENTS),
            "channel": _names(channel, _CHANNELS, missing=random.random(len(lead)) < 0.3),
            "value": pa.array(
                np.round(random.exponential(30, len(lead)), 2), mask=random.random(len(lead)) < 0.7
            ),
        }
    )


def _outcomes(random: np.random.Generator, numbers: Ints, created_at: Ints) -> pa.Table:
    fate = random.random(len(numbers))
    occurred_at = created_at + (random.exponential(40, len(numbers)) * US_PER_DAY).astype(np.int64)
    has_outcome = (fate < 0.3) & (occurred_at <= AS_OF)
    outcome = np.where(fate < 0.06, 0, 1)[has_outcome]
    return pa.table(
        {
            "lead_id": _ids(numbers[has_outcome]),
            "outcome": _names(outcome, ("converted", "lost")),
            "occurred_at": pa.array(occurred_at[has_outcome]).cast(_MOMENTS),
        }
    )


def _names(codes: Ints, names: tuple[str, ...], *, missing: np.ndarray | None = None) -> pa.Array:  # type: ignore[type-arg]
    return pa.array(names, pa.string()).take(pa.array(codes, mask=missing))


if __name__ == "__main__":
    _, out, leads, *chosen = sys.argv
    make_company(Path(out), leads_count=int(leads), spread="zipf" if chosen == ["zipf"] else "gamma")
