"""Aliases in the store: one lead under several ids, and the same bits from the store and from its tables."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from features.checks.checked_history import read_history
from features.findings.problems import Findings
from features.history.lead_history import LeadHistory
from features.sources.open_source import open_source
from features.sources.pieces import read_all
from features.times import format_time
from serving.batch.worker import BatchOptions, score_leads
from serving.bodies.intake_items import LeadBody
from serving.bodies.score_bodies import check_body
from serving.errors import InvalidQueryError, LeadUnknownError
from serving.scoring.json_rows import JsonObject
from serving.scoring.predictor import Predictor
from serving.store.store import Store
from serving.stored_leads.score_lead import ScoreOptions, score_stored_lead
from tests.support.builders import at
from tests.support.small_models import random_bundle
from tests.support.stores import HandClock, new_database, open_store
from tests.test_parity import CATEGORIES, FEATURES, KINDS

LEADS = tuple(f"l{number}" for number in range(12))
VISITORS = tuple(f"v{number}" for number in range(6))
DAYS = 30


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    return Predictor.from_bundle(random_bundle(FEATURES, CATEGORIES, seed=5))


@pytest.fixture
def clock() -> HandClock:
    return HandClock(at(0))


@pytest.fixture
def store(tmp_path: Path, clock: HandClock) -> Iterator[Store]:
    opened = open_store(new_database(None, tmp_path), clock=clock)
    yield opened
    opened.close()


def put(store: Store, lead_id: str, created: float, **columns: Any) -> tuple[str, list[str]]:
    """Puts a lead; the columns are its account and attributes."""
    body = {"created_at": format_time(at(created))}
    if "account_id" in columns:
        body["account_id"] = columns.pop("account_id")
    return store.put_lead(lead_id, check_body(LeadBody, {**body, "attributes": columns})).result()


def link(store: Store, alias_id: str, lead_id: str) -> tuple[str, str | None]:
    """Links an alias; gives the status, and the lead that it stands for."""
    (verdict,) = store.add_aliases([{"alias_id": alias_id, "lead_id": lead_id}]).result()
    return verdict.status, verdict.lead_id


def touch(store: Store, lead_id: str, number: int, day: float, **columns: Any) -> str | None:
    """Sends an interaction; gives the lead that its id stands for, where it is an alias."""
    sent = {"interaction_id": str(number), "lead_id": lead_id, "kind": "page_view"} | columns
    (verdict,) = store.add_interactions("web", [{**sent, "occurred_at": format_time(at(day))}]).result()
    return verdict.lead_id


def live(store: Store, clock: HandClock, seed: int) -> None:
    """Lets a company work for some days."""
    chance = np.random.default_rng(seed)
    ids = [*LEADS, *VISITORS]
    rank = {id_: place for place, id_ in enumerate(chance.permutation(ids).tolist())}
    for number in range(260):
        clock.now = at(DAYS * number / 260)
        id_, other = (ids[place] for place in chance.integers(0, len(ids), 2))
        match chance.choice(["touch", "put", "outcome", "alias"], p=[0.55, 0.25, 0.08, 0.12]):
            case "touch":
                columns = {
                    "kind": KINDS[chance.integers(0, len(KINDS))],
                    "channel": ["web", "phone"][chance.integers(0, 2)],
                    "value": float(np.round(chance.normal(9, 3), 2)),
                }
                touch(store, id_, number, float(DAYS * number / 260 - chance.random() * 3), **columns)
            case "put" if id_ in LEADS:
                place = LEADS.index(id_)
                attributes = {
                    "size": [None, 7.5, "many", float(number)][chance.integers(0, 4)],
                    "country": [None, "AT", "DE"][chance.integers(0, 3)],
                }
                sent = dict(list(attributes.items())[: chance.integers(0, 3)])
                put(store, id_, place / 12 - 5, account_id=[None, "A", "B"][place % 3], **sent)
            case "outcome":
                outcome = ["converted", "lost", "reopened"][chance.integers(0, 3)]
                sent_outcome = {"lead_id": id_, "outcome": outcome, "occurred_at": format_time(clock.now)}
                store.add_outcomes("crm", [sent_outcome]).result()
            case "alias":
                link(store, *sorted((id_, other), key=rank.__getitem__))


def as_folder(url: str, folder: Path) -> Path:
    """Writes the tables of a store as Parquet."""
    folder.mkdir()
    with open_source(url, Findings()) as opened:
        for name, table in read_all(opened, Findings()).tables.items():
            pq.write_table(table, folder / f"{name}.parquet")
    return folder


def scores_of(history: LeadHistory, predictor: Predictor, as_of: int) -> dict[str, JsonObject]:
    scored = score_leads(
        history, predictor=predictor, options=BatchOptions(as_of, scored_at=at(99), reasons=3)
    )
    return {row["lead_id"]: row for row in scored.table.to_pylist()}


def score(store: Store, predictor: Predictor, lead_id: str, as_of: int) -> JsonObject | None:
    """The score from the store; None where there was no such lead then."""
    options = ScoreOptions(as_of)
    try:
        return store.read(
            lambda connection: score_stored_lead(connection, predictor, lead_id, options, now=at(99))[0]
        )
    except (LeadUnknownError, InvalidQueryError):
        return None


@pytest.mark.parametrize("seed", range(4))
def test_scores__of_the_store_equal_those_of_its_tables_at_every_moment(
    tmp_path: Path, predictor: Predictor, store: Store, clock: HandClock, seed: int
) -> None:
    live(store, clock, seed)
    url = f"sqlite:///{tmp_path / 'service.db'}"
    read = [
        read_history(source, attribute_types=predictor.attribute_types).history
        for source in (url, as_folder(url, tmp_path / "folder"))
    ]
    joined = 0
    for day in (2, 6, 10, 14, 18, 22, 26, 30):
        from_store, from_folder = (scores_of(history, predictor, at(day)) for history in read)
        assert from_store == from_folder
        for lead_id in (*LEADS, *VISITORS):
            answer = score(store, predictor, lead_id, at(day))
            if answer is None:
                assert lead_id not in from_store
                continue
            row = from_store[answer["lead_id"]]
            joined += answer["lead_id"] != lead_id
            assert (lead_id in from_store) == (answer["lead_id"] == lead_id)
            for name in (
                "status",
                "probability",
                "probability_low",
                "reasons",
                "curve",
                "stage",
                "waiting_hours",
            ):
                assert answer[name] == row[name], (day, lead_id, name)
    assert joined > 10
