"""The card goes to JSON and back, and its bands cover every probability once."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from features.funnel import Condition
from features.history.settings import AttributeSettings, HistorySettings
from features.history.text_rule import FIRST_RULE, TextRule
from features.times import parse_time
from models.bundle.card import Card
from models.errors import CardError
from models.scorecard.bands import Band

FACTS: dict[str, Any] = {
    "created_at": parse_time("2026-05-01T12:00:00.000001Z"),
    "history_from": parse_time("2024-01-01T00:00:00Z"),
    "observed_until": parse_time("2026-04-30T00:00:00Z"),
    "horizon_days": 30.0,
    "time_edges_days": (0.0, 7.0, 30.0),
    "feature_set": "0123456789ab",
}
FULL = Card(
    **FACTS,
    model_version="3",
    run_id="r1",
    horizons_days=(7.0, 30.0),
    metrics={"auc": {"value": 0.7, "low": None, "high": 0.8, "n": 900}},
    evaluation={"by_origin": [{"at": "2026-01-01T00:00:00Z", "shift": -0.1}]},
    verdict=({"rule": "data_checks", "value": 0, "limit": "none", "passed": True, "sentence": "None."},),
    bands=(Band("A", 0.5), Band("B", 0.0)),
    expected_amount=1_200.5,
    conditions=(Condition("size", at_least=10.0), Condition("country", any_of=("DE", "FR"))),
    trained_on={"leads": 20_000},
    config={"seed": 7, "catalogue": None},
    library_versions={"numpy": "2.4"},
    notes=("Attributes count as known at creation.",),
)


@pytest.mark.parametrize("card", [FULL, Card(**FACTS)], ids=["full", "bare"])
def test_from_json__gives_back_what_to_json_wrote(card: Card) -> None:
    text = json.dumps(card.to_json(), allow_nan=False)

    assert Card.from_json(json.loads(text)) == card


def test_to_json__instants_are_text() -> None:
    assert FULL.to_json()["created_at"] == "2026-05-01T12:00:00.000001Z"


def test_band_limits__from_the_highest_down() -> None:
    assert FULL.band_limits.tolist() == [0.5, 0.0]


@pytest.mark.parametrize(
    "bands",
    [
        (),
        (Band("A", 0.5),),
        (Band("A", 0.2), Band("B", 0.5), Band("C", 0.0)),
        (Band("A", 0.5), Band("B", 0.5), Band("C", 0.0)),
        (Band("A", 1.5), Band("B", 0.0)),
        (Band("A", float("nan")), Band("B", 0.0)),
    ],
)
def test_card__refuses_bands_that_leave_a_gap(bands: tuple[Band, ...]) -> None:
    with pytest.raises(CardError, match="bands have the limits"):
        Card(**FACTS, bands=bands)


@pytest.mark.parametrize("amount", [float("nan"), float("inf"), float("-inf")])
def test_card__refuses_an_expected_amount_that_is_not_finite(amount: float) -> None:
    with pytest.raises(CardError, match="expected_amount is not finite"):
        Card(**FACTS, expected_amount=amount)


def test_from_json__takes_the_first_text_rule_where_none_is_named() -> None:
    record = FULL.to_json()
    del record["text_rule"]

    card = Card.from_json(record)

    assert card.text_rule == FIRST_RULE
    assert card.to_json() == record


def test_to_json__names_the_text_rule_and_its_missing_spellings() -> None:
    card = replace(FULL, text_rule=TextRule(2, ("?",)))

    assert card.to_json()["text_rule"] == {"number": 2, "missing": ["?"]}
    assert Card.from_json(card.to_json()) == card


def test_to_json__names_the_settings_of_the_history_where_it_has_any() -> None:
    card = replace(FULL, history_settings={"zone": "UTC", "attributes": {"size": {"known": "export"}}})

    assert "history_settings" not in FULL.to_json()
    assert card.to_json()["history_settings"] == card.history_settings
    assert Card.from_json(card.to_json()) == card
    assert card.settings == HistorySettings(
        card.text_rule, zone="UTC", attributes={"size": AttributeSettings("export")}
    )


def test_card__refuses_settings_of_a_later_release() -> None:
    with pytest.raises(CardError, match=r"history_settings cannot be read: colour is no setting"):
        replace(FULL, history_settings={"colour": "blue"})


def test_from_json__refuses_a_text_rule_of_a_later_release() -> None:
    with pytest.raises(CardError, match="text_rule has the number 3; this release knows the rules 1 to 2"):
        Card.from_json({**FULL.to_json(), "text_rule": {"number": 3, "missing": []}})


def test_from_json__refuses_a_text_rule_of_another_shape() -> None:
    with pytest.raises(CardError, match=r"text_rule\.number cannot be read"):
        Card.from_json({**FULL.to_json(), "text_rule": {"number": "two", "missing": []}})
