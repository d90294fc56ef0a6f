"""One lead through training, batch and HTTP: the same features, the same probability, to the last bit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from features.catalog.spec import Feature, FeatureSet
from features.checks.checked_history import read_history
from features.engine.engine import compute_features
from features.engine.matrix import Examples
from features.engine.plan import compile_plan
from features.history.lead_history import LeadHistory
from features.times import format_time
from models.scorecard.bins import encode
from models.scorecard.scoring import probabilities
from serving.batch.run import score_history
from serving.bodies.score_bodies import ScoreRequest, check_body
from serving.scoring.body_leads import request_of_body
from serving.scoring.lead_requests import history_of, score_each
from serving.scoring.predictor import Predictor
from tests.support.builders import Row, at, history_folder, lead, touch
from tests.support.http_client import client_of
from tests.support.small_models import home_with, random_bundle

LEADS = 1_000
AS_OF = 40.0

KINDS = (
    "page_view",
    "meeting_held",
    "email_sent",
    "email_opened",
    "email_clicked",
    "demo_requested",
    "odd_kind",
)
CATEGORIES = {
    "country": ("AT", "DE", "FR"),
    "last_channel": ("phone", "web"),
    "first_channel": ("phone", "web"),
}
FEATURES = (
    Feature("country", "attribute", "Country", type="category", attribute="country"),
    Feature("meeting_held_count_7d", "count", "Calls", kinds=("meeting_held",), window_days=7),
    Feature("size", "attribute", "Size", "people", attribute="size"),
    Feature("has_budget", "attribute", "Has a budget", type="boolean", attribute="has_budget"),
    Feature("page_view_decayed", "decayed_count", "Pages", kinds=("page_view",), half_life_days=5),
    Feature("days_since_last", "days_since_last", "Days since the last interaction", "days"),
    Feature("inbound_share_30d", "share", "Share of inbound", direction="inbound", window_days=30),
    Feature("value_sum", "value_sum", "Value"),
    Feature("value_mean_14d", "value_mean", "Mean value", window_days=14),
    Feature("distinct_campaigns", "distinct_campaigns", "Campaigns"),
    Feature("active_days", "active_days", "Active days", "days"),
    Feature("longest_silence", "longest_silence", "Longest silence", "days"),
    Feature("momentum_7d", "momentum", "Momentum", window_days=7),
    Feature("streak", "unanswered_outbound_streak", "Unanswered attempts"),
    Feature("first_reply", "hours_to_first_reply", "Hours to our first reply", "hours"),
    Feature("first_channel", "first_channel", "First channel", type="category"),
    Feature("last_channel", "last_channel", "Last channel", type="category"),
    Feature("lead_age", "lead_age", "Age", "days"),
    Feature("weekday", "calendar", "Weekday", part="as_of_weekday"),
    Feature("account_count_30d", "count", "Account's interactions", scope="account", window_days=30),
    Feature("account_days_since", "days_since_last", "Days since the account's last", scope="account"),
)


def random_rows(seed: int, count: int) -> tuple[list[Row], list[Row]]:
    """Leads and interactions with ties, late ones, repeated ids, empty cells and accounts."""
    chance = np.random.default_rng(seed)
    leads, interactions = [], []
    for number in range(count):
        created = float(chance.integers(0, 40))
        leads.append(
            lead(
                f"L{number:04d}",
                created,
                account_id=f"A{chance.integers(0, count // 3)}" if chance.random() < 0.7 else None,
                country=[None, "AT", "DE", "FR", "elsewhere"][chance.integers(0, 5)],
                size=None if chance.random() < 0.2 else float(np.round(chance.lognormal(2, 1), 3)),
                has_budget=[None, True, False][chance.integers(0, 3)],
            )
        )
        interactions += [_random_touch(chance, f"L{number:04d}") for _ in range(chance.poisson(6))]
    return leads, interactions


def _random_touch(chance: np.random.Generator, lead_id: str) -> Row:
    # Whole quarter days, so that times tie with each other and with the moment of prediction; some a few
    # seconds later, when a machine opens mails.
    occurred = float(chance.integers(0, 170)) / 4 + float(chance.choice((0, 0, 1.5, 3, 12))) / 86_400
    return touch(
        lead_id,
        KINDS[chance.integers(0, len(KINDS))],
        occurred,
        available_at=occurred + (float(chance.integers(-1, 8)) / 4 if chance.random() < 0.3 else 0.0),
        direction=[None, "inbound", "outbound"][chance.integers(0, 3)],
        channel=[None, "web", "phone", "fair"][chance.integers(0, 4)],
        campaign=[None, "spring", "autumn"][chance.integers(0, 3)],
        value=None if chance.random() < 0.5 else float(np.round(chance.normal(10, 5), 2)),
        source=["crm", None][chance.integers(0, 2)],
        interaction_id=None if chance.random() < 0.4 else f"{lead_id}-{chance.integers(0, 8)}",
        is_automated=[None, None, None, True, False][chance.integers(0, 5)],
    )


def body_of(one: Row, interactions: list[Row], of_account: list[Row] | None) -> dict[str, Any]:
    """What a caller who knows the same rows would send."""
    attributes = {name: one[name] for name in ("country", "size", "has_budget")}
    body = {
        "lead_id": one["lead_id"],
        "created_at": format_time(at(one["created_at"])),
        "as_of": format_time(at(AS_OF)),
        "account_id": one["account_id"],
        "attributes": attributes,
        "interactions": [_sent(row) for row in interactions],
    }
    return (
        body if of_account is None else {**body, "account_interactions": [_sent(row) for row in of_account]}
    )


def _sent(row: Row) -> dict[str, Any]:
    times = {name: format_time(at(row[name])) for name in ("occurred_at", "available_at")}
    return {**{name: cell for name, cell in row.items() if name != "lead_id"}, **times, "further": [1]}


@pytest.fixture(scope="module")
def rows() -> tuple[list[Row], list[Row]]:
    return random_rows(seed=11, count=LEADS)


@pytest.fixture(scope="module")
def bodies(rows: tuple[list[Row], list[Row]]) -> list[dict[str, Any]]:
    leads, interactions = rows
    account_of = {one["lead_id"]: one["account_id"] for one in leads}
    of_lead: dict[str, list[Row]] = {one["lead_id"]: [] for one in leads}
    of_account: dict[str | None, list[Row]] = {account: [] for account in account_of.values()}
    created = {one["lead_id"]: one["created_at"] for one in leads}
    for row in interactions:
        of_lead[row["lead_id"]].append(row)
        # Nobody knows of which account it is before the lead was created.
        known = max(row["available_at"], created[row["lead_id"]])
        of_account[account_of[row["lead_id"]]].append({**row, "available_at": known})
    return [
        body_of(one, of_lead[one["lead_id"]], of_account[one["account_id"]] if one["account_id"] else None)
        for one in leads
    ]


def training_features(made: LeadHistory) -> Any:
    examples = Examples(np.arange(made.leads_count), np.full(made.leads_count, at(AS_OF)))
    return compute_features(compile_plan(FeatureSet(FEATURES)), made, examples)


def test_parity__training_batch_and_http_give_the_same_bits(
    tmp_path: Path, rows: tuple[list[Row], list[Row]], bodies: list[dict[str, Any]]
) -> None:
    folder = history_folder(tmp_path / "history", *rows)
    bundle = random_bundle(FEATURES, CATEGORIES, seed=5)
    home = home_with(tmp_path / "home", bundle)
    made = read_history(folder, attribute_types=Predictor.from_bundle(bundle).attribute_types).history
    matrix = training_features(made)

    trained = probabilities(bundle.scorecard, encode(bundle.scorecard.bins, matrix))
    score_history(folder, home=home.path, as_of=at(AS_OF), out=tmp_path / "s.parquet", scored_at=at(50))
    batch = pq.read_table(tmp_path / "s.parquet")
    with client_of(home) as client:
        answers = [client.post("/v1/score", json=body).json() for body in bodies]

    assert batch["lead_id"].to_pylist() == [body["lead_id"] for body in bodies]
    assert batch["probability"].to_pylist() == trained.tolist()
    assert [answer["probability"] for answer in answers] == trained.tolist()
    for name in ("reasons", "curve", "stage", "prospect", "waiting_hours", "band", "base_log_odds"):
        assert [answer[name] for answer in answers] == batch[name].to_pylist(), name


def test_parity__a_request_and_training_give_the_same_features(
    tmp_path: Path, rows: tuple[list[Row], list[Row]], bodies: list[dict[str, Any]]
) -> None:
    predictor = Predictor.from_bundle(random_bundle(FEATURES, CATEGORIES, seed=5))
    made = read_history(history_folder(tmp_path, *rows), attribute_types=predictor.attribute_types).history
    matrix = training_features(made)

    for number, body in enumerate(bodies):
        request = check_body(ScoreRequest, json.loads(json.dumps(body)))
        question = request_of_body(predictor, request, now=at(AS_OF))
        alone = predictor.compute(history_of([question]), np.array([0]), at(AS_OF))
        for name in FeatureSet(FEATURES).names:
            words = [_words(one, name, column) for one, column in ((matrix, number), (alone, 0))]
            assert words[0] == words[1], (body["lead_id"], name)


@pytest.mark.parametrize("together", [2, 5, 16, 17, 40])
def test_parity__leads_asked_about_together_have_the_answers_that_they_have_alone(
    bodies: list[dict[str, Any]], together: int
) -> None:
    predictor = Predictor.from_bundle(random_bundle(FEATURES, CATEGORIES, seed=5))
    checked = [check_body(ScoreRequest, body) for body in bodies[:200]]
    asked = [request_of_body(predictor, request, now=at(AS_OF)) for request in checked]

    alone = [score_each([one])[0] for one in asked]
    answers = [
        answer
        for start in range(0, len(asked), together)
        for answer in score_each(asked[start : start + together])
    ]

    assert answers == alone


def _words(matrix: Any, name: str, column: int) -> str:
    value = matrix.column(name)[column]
    vocabulary = matrix.vocabularies.get(name)
    return repr(value) if vocabulary is None or np.isnan(value) else vocabulary[int(value)]
