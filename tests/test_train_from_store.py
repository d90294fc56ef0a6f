"""What the service was told is a history like any other: its database is trained on and scored by URL."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.sources.connections import sqlite_url
from features.times import US_PER_DAY, format_time
from serving.batch.run import score_history
from serving.bodies.intake_items import LeadBody
from tests.support.builders import at
from tests.support.small_business import CONFIG, small_business
from tests.support.stores import HandClock, open_store
from training.train import train


def tell_day_by_day(database: str, made: dict[str, pa.Table], *, days: int) -> None:
    """Tells a store of each day's rows at its end, as they would have come."""
    clock = HandClock(0)
    store = open_store(database, clock=clock)
    rows = {name: table.to_pylist() for name, table in made.items()}
    for number in range(days):
        start, clock.now = at(number), at(number + 1)
        leads = [row for row in rows["leads"] if is_within(row["created_at"], start)]
        waiting: list[Any] = [store.put_lead(row["lead_id"], body_of(row)) for row in leads]
        touches = [
            {**sent, "interaction_id": str(place)}
            for place, row in enumerate(rows["interactions"])
            if (sent := of_day(row, start)) is not None
        ]
        ends = [sent for row in rows["outcomes"] if (sent := of_day(row, start)) is not None]
        waiting += [store.add_interactions("crm", touches), store.add_outcomes("crm", ends)]
        for one in waiting:
            one.result()
    store.close()


def body_of(row: dict[str, Any]) -> LeadBody:
    created_at = int(row["created_at"].timestamp() * 1e6)
    return LeadBody.model_construct(
        {"created_at"}, created_at=created_at, attributes={name: row[name] for name in ("country", "size")}
    )


def is_within(moment: Any, start: int) -> bool:
    return start <= moment.timestamp() * 1e6 < start + US_PER_DAY


def of_day(row: dict[str, Any], start: int) -> dict[str, Any] | None:
    if not is_within(row["occurred_at"], start):
        return None
    named = {
        name: row[name] for name in ("lead_id", "kind", "outcome", "amount") if row.get(name) is not None
    }
    return {**named, "occurred_at": format_time(int(row["occurred_at"].timestamp() * 1e6))}


@pytest.mark.all
def test_train__reads_what_a_store_was_told(tmp_path: Path) -> None:
    database = sqlite_url(tmp_path / "service.db")
    tell_day_by_day(database, small_business(), days=120)

    outcome = train(database, home=tmp_path / "home", config=CONFIG, promote=True)
    batch = score_history(
        database, home=tmp_path / "home", as_of=at(110), out=tmp_path / "s.parquet", scored_at=0
    )

    assert outcome.summary()["metrics"]["auc"]["value"] > 0.55
    assert batch.by_status["converted"] > 50
    assert pq.read_table(tmp_path / "s.parquet")["probability"].drop_null().to_numpy().std() > 0.01
