"""One bad value of an attribute is the same through every door, and the answer says so."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.sources.connections import sqlite_url
from features.times import format_time
from models.home.home import Home
from models.scorecard.bins import FeatureBins
from models.scorecard.scorecard import Scorecard, Term
from serving.batch.run import score_history
from tests.support.builders import at
from tests.support.http_client import Client, client_of
from tests.support.small_models import (
    BUDGET,
    COUNTRY,
    NO_EDGES,
    SIZE,
    bundle_of,
    home_with,
    small_bundle,
    table,
)
from tests.support.stores import HandClock

AS_OF = format_time(at(2))
NOT_BOOLEAN = "The attribute has_budget is neither true nor false, so it counts as missing."
OTHERWISE = (
    "The attribute country differs from a value that the model knows in case, spaces or signs alone, "
    "so it counts as any other value."
)
MISSING = "The model reads attributes that are missing: "


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A model that reads a number, a boolean and a category; every value of each has points of its own."""
    bins = (
        FeatureBins("size", "number", np.array([0.5, 100.0])),
        FeatureBins("has_budget", "boolean", np.array([0.5])),
        FeatureBins("country", "category", NO_EDGES, ("5", "DE", "true")),
    )
    terms = (
        Term((0,), table(0, 0.25, 0.5, 1)),
        Term((1,), table(0, 0.125, 0.25)),
        Term((2,), table(0, 0.03125, 0.0625, 0.125, 0.5)),
    )
    scorecard = Scorecard(bins, np.array([0.0, 30.0]), 30.0, terms, np.array([-2.0]))
    return home_with(tmp_path / "home", bundle_of(scorecard, (SIZE, BUDGET, COUNTRY))).path


@pytest.fixture
def client(home: Path) -> Iterator[Client]:
    with client_of(Home(home), clock=HandClock(at(3))) as client:
        yield client


@pytest.mark.parametrize(
    ("name", "value", "points", "note"),
    [
        ("size", 120, 1.0, None),
        ("size", "120", 1.0, None),
        ("size", "perhaps", 0.0, "The attribute size is no number, so it counts as missing."),
        ("size", True, 0.5, None),
        ("size", "n/a", 0.0, f"{MISSING}country, has_budget, size."),
        ("has_budget", True, 0.25, None),
        ("has_budget", "true", 0.25, None),
        ("has_budget", 1, 0.25, None),
        ("has_budget", 7, 0.0, NOT_BOOLEAN),
        ("has_budget", "yes?", 0.0, NOT_BOOLEAN),
        ("country", "DE", 0.0625, None),
        ("country", 5, 0.03125, None),
        ("country", True, 0.125, None),
        ("country", "d-e ", 0.5, OTHERWISE),
        ("country", "dk", 0.5, None),
        ("country", None, 0.0, f"{MISSING}country, has_budget, size."),
    ],
)
def test_notes__a_value_counts_alike_through_every_door(
    home: Path, client: Client, tmp_path: Path, name: str, value: Any, points: float, note: str | None
) -> None:
    lead = {"created_at": format_time(at(1)), "attributes": {name: value}}
    column = pa.array([value]) if value is not None else pa.array([None], pa.string())
    folder = tmp_path / "history"
    folder.mkdir()
    created = pa.array([at(1)]).cast(pa.timestamp("us", "UTC"))
    leads = pa.table({"lead_id": ["a"], "created_at": created, name: column})
    pq.write_table(leads, folder / "leads.parquet")
    for other, columns in {
        "interactions": ("lead_id", "kind", "occurred_at"),
        "outcomes": ("lead_id", "outcome", "occurred_at"),
    }.items():
        empty = pa.table({key: pa.array([], pa.string()) for key in columns})
        pq.write_table(empty, folder / f"{other}.parquet")

    body = client.post("/v1/score", json={**lead, "lead_id": "a", "as_of": AS_OF}).json()
    (batch,) = client.post(
        "/v1/score/batch", json={"leads": [{**lead, "lead_id": "a", "as_of": AS_OF}]}
    ).json()["scores"]
    put = client.put("/v1/leads/a", json=lead)
    stored = client.get("/v1/leads/a/score").json()
    nights, told = [], []
    # The store knows the attributes from the moment of the PUT on.
    for source, as_of in ((folder, at(2)), (sqlite_url(home / "service.db"), at(3))):
        out = tmp_path / "s.parquet"
        outcome = score_history(source, home=home, out=out, as_of=as_of, scored_at=at(3), workers=1)
        nights += pq.read_table(out).to_pylist()
        told.append([each.code for each in outcome.inputs if each.column == name])

    assert put.status_code == 200
    probabilities = [each["probability"] for each in (body, batch, stored, *nights)]
    assert [*map(log_odds, probabilities)] == pytest.approx([-2.0 + points] * 5)
    other_type = [["D092"], ["D092"]]
    # A store has no column for an attribute that never had a value.
    assert told in ([[], []], [["D094"], ["D094"]], [["D091"], ["D090"]], [["D090"], ["D090"]], other_type)
    assert (told == other_type) == (note is not None and note.endswith("so it counts as missing."))
    assert body["notes"] == batch["notes"] == stored["notes"]
    assert note in body["notes"] if note else not [text for text in body["notes"] if name in text]


def log_odds(probability: float) -> float:
    return float(np.log(probability / (1 - probability)))


def test_notes__of_a_complete_lead_are_none(client: Client) -> None:
    attributes = {"size": 5, "has_budget": False, "country": "XX"}
    client.put("/v1/leads/a", json={"created_at": format_time(at(1)), "attributes": attributes})

    answer = client.get("/v1/leads/a/score").json()

    assert (answer["notes"], json.dumps(answer, allow_nan=False) != "") == ([], True)


def test_notes__a_kind_written_otherwise_is_told_through_every_door(tmp_path: Path) -> None:
    clock = HandClock(at(3))
    kinds = [("Meeting-Held", at(1)), ("call_held", at(1)), ("MEETING HELD", at(2))]
    rows = [{"kind": kind, "occurred_at": format_time(when)} for kind, when in kinds]
    with client_of(home_with(tmp_path, small_bundle()), clock=clock) as client:
        client.put("/v1/leads/a", json={"created_at": format_time(at(0)), "attributes": {}})
        sent = [{**row, "interaction_id": str(n), "lead_id": "a"} for n, row in enumerate(rows)]
        client.post("/v1/interactions", json={"source": "crm", "interactions": sent})
        lead = {"lead_id": "a", "created_at": format_time(at(0)), "interactions": rows}

        client.rescorer.catch_up()
        told = [
            client.post("/v1/score", json={**lead, "as_of": format_time(at(3))}).json(),
            client.get("/v1/leads/a/score").json(),
            client.get("/v1/leads").json()["leads"][0],
        ]
        before = client.post("/v1/score", json={**lead, "as_of": format_time(at(0.5))}).json()
        usual = client.post("/v1/score", json={**lead, "interactions": [{**rows[0], "kind": "meeting_held"}]})

    note = (
        "An interaction is of a kind that differs from meeting_held in case, spaces or signs alone, "
        "so it does not count as that."
    )
    assert [note in each["notes"] for each in told] == [True] * 3
    assert told[0]["notes"] == told[1]["notes"] == told[2]["notes"]
    assert not any("of a kind" in text for text in [*before["notes"], *usual.json()["notes"]])


def test_score__takes_the_greatest_doubles_without_infinity(home: Path, client: Client) -> None:
    body = {
        "lead_id": "a",
        "created_at": format_time(at(1)),
        "as_of": AS_OF,
        "reasons": "all",
        "attributes": {"size": 1.7e308},
    }

    answer = client.post("/v1/score", json=body)

    assert answer.status_code == 200
    (size,) = [reason for reason in answer.json()["reasons"] if reason["feature"] == "size"]
    assert size["value"] == "1.7e+308 people"
