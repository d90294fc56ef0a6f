"""The default catalogue: what it takes up, and what would be the same for every lead and is left out."""

from __future__ import annotations

import numpy as np
import pytest

from features.catalog.default_catalog import default_catalogue
from features.engine.engine import compute_features
from features.engine.matrix import Examples
from features.engine.plan import compile_plan
from features.history.known import known_at
from features.history.lead_history import LeadHistory
from tests.support.builders import Row, at, history, lead, touch

_IDS = tuple(f"l{number:02d}" for number in range(20))


def _names(known: LeadHistory) -> set[str]:
    return set(default_catalogue(known).names)


def _leads(**columns: object) -> list[Row]:
    return [lead(lead_id, number / 3, **columns) for number, lead_id in enumerate(_IDS)]


def _each(kind: str, *days: float, **columns: object) -> list[Row]:
    return [
        touch(lead_id, kind, 7 + day + number / 10, **columns)
        for number, lead_id in enumerate(_IDS)
        for day in days
    ]


def test_default_catalogue__history_without_interactions_has_the_lead_only() -> None:
    assert _names(history(_leads())) == {"lead_age_days", "created_hour", "created_weekday", "as_of_weekday"}


def test_default_catalogue__kinds_by_frequency() -> None:
    rows = [*_each("chat", 1), *_each("page_view", 1, 2, 3), *_each("email_sent", 1, 20)]

    names = default_catalogue(history(_leads(), rows)).names

    places = [names.index(f"days_since_last_{kind}") for kind in ("page_view", "email_sent", "chat")]
    assert places == sorted(places)


def test_default_catalogue__kind_that_happens_once_is_not_counted() -> None:
    names = _names(history(_leads(), [*_each("chat", 1, 2), *_each("demo_held", 3)]))

    assert {"days_since_last_demo_held", "chat_count", "chat_count_7d"} <= names
    assert not any(name.startswith("demo_held_") for name in names)


def test_default_catalogue__kind_of_fewer_than_ten_leads_is_left_out() -> None:
    names = _names(history(_leads(), [*_each("chat", 1, 2), *_each("demo_held", 3)[:9]]))

    assert not any("demo_held" in name for name in names)


def test_default_catalogue__creation_told_again_is_left_out() -> None:
    rows = [touch(lead_id, "applied", number / 3) for number, lead_id in enumerate(_IDS)]

    assert not any("applied" in name for name in _names(history(_leads(), [*rows, *_each("chat", 1, 2)])))


def test_default_catalogue__nothing_twice_no_gaps_nor_counts() -> None:
    names = _names(history(_leads(), _each("chat", 1)))

    assert "days_since_first_interaction" in names
    assert not any("count" in name or "gap" in name or "momentum" in name for name in names)


def test_default_catalogue__windows_are_shorter_than_the_history() -> None:
    names = _names(history(_leads(), _each("chat", 1, 2)))

    assert "interactions_count_7d" in names
    assert "interactions_count_30d" not in names


@pytest.mark.parametrize("channel", ["web", None])
def test_default_catalogue__one_channel_is_no_feature(channel: str | None) -> None:
    names = _names(history(_leads(), _each("chat", 1, 2, channel=channel)))

    assert not any("channel" in name for name in names)


def test_default_catalogue__channels_campaigns_and_values() -> None:
    rows = _each("chat", 1, channel="web", campaign="a", value=1.0)
    rows += _each("chat", 2, channel="mail", campaign="b", value=2.0)

    expected = {"last_channel", "first_channel", "interactions_channels", "interactions_campaigns"}
    expected |= {f"interactions_value_{measure}" for measure in ("sum", "mean", "max", "last")}
    assert expected <= _names(history(_leads(), rows))


def test_default_catalogue__directions_where_they_differ() -> None:
    both = _names(history(_leads(), [*_each("chat", 1), *_each("email_sent", 2)]))
    names = _names(history(_leads(), _each("chat", 1, 2)))

    assert {"inbound_share", "unanswered_outbound_streak", "hours_to_first_reply", "waiting_hours"} <= both
    assert not any("inbound" in name or "outbound" in name or "waiting" in name for name in names)


def test_default_catalogue__self_education_needs_reading_and_talking() -> None:
    reading, talking = _each("page_view", 1), _each("call_outbound", 2)

    assert "self_education_share" in _names(history(_leads(), reading + talking))
    assert "self_education_share" not in _names(history(_leads(), reading))


def test_default_catalogue__accounts_with_several_leads() -> None:
    shared = [lead(lead_id, 0, account_id=f"a{number // 2}") for number, lead_id in enumerate(_IDS)]
    single = [lead(lead_id, 0, account_id=f"a{number}") for number, lead_id in enumerate(_IDS)]
    rows = [*_each("chat", 1), *_each("email_sent", 2)]

    assert "account_interactions_count" in _names(history(shared, rows))
    assert not any(name.startswith("account_") for name in _names(history(single, rows)))
    assert not any(name.startswith("account_") for name in _names(history(shared)))


def test_default_catalogue__attributes_that_differ() -> None:
    leads = [
        lead(
            lead_id,
            0,
            size=float(number),
            same=1.0,
            empty=None,
            code=f"c{number % 3}",
            gap=1.0 if number else None,
        )
        for number, lead_id in enumerate(_IDS)
    ]

    names = _names(history(leads))

    assert {"size", "code", "gap"} <= names
    assert not {"same", "empty"} & names


def test_default_catalogue__name_of_each_lead_is_no_attribute() -> None:
    leads = [lead(f"l{number:03d}", 0, mail=f"{number}@example.com") for number in range(60)]

    assert "mail" not in _names(history(leads))


def test_default_catalogue__attributes_named_like_features_get_names_of_their_own() -> None:
    leads = [lead(lead_id, 0, lead_age_days=float(number)) for number, lead_id in enumerate(_IDS)]

    assert {"lead_age_days", "lead_age_days_2"} <= _names(history(leads))


def test_default_catalogue__at_most_a_hundred() -> None:
    kinds = [f"kind {number}" for number in range(30)]
    leads = [
        lead(lead_id, 0, **{f"x{column}": number for column in range(60)})
        for number, lead_id in enumerate(_IDS)
    ]
    rows = [row for kind in kinds for row in _each(kind, 1, 2)]

    features = default_catalogue(history(leads, rows)).features

    assert len(features) == 100
    assert sum(feature.measure == "attribute" for feature in features) == 40
    assert any(feature.kinds for feature in features)


def test_default_catalogue__knows_nothing_of_later() -> None:
    rows = [*_each("chat", 1, 2), *_each("email_sent", 60, 90, channel="mail")]
    whole, early = history(_leads(), rows), history(_leads(), _each("chat", 1, 2), observed_until=20)

    assert default_catalogue(known_at(whole, at(20))) == default_catalogue(known_at(early, at(20)))


def test_default_catalogue__labels_are_sentences_of_their_own() -> None:
    rows = [
        *_each("chat", 1, 2),
        *_each("email_sent", 3, 4),
        *_each("page_view", 5),
        *_each("own_kind", 1, 2),
    ]
    labels = [feature.label for feature in default_catalogue(history(_leads(size=1.0), rows)).features]

    assert len(set(labels)) == len(labels)
    assert all("_" not in label and label[0] == label[0].upper() for label in labels)
    assert {"Chats in the last 7 days", "Days since the last e-mail sent", "“Own kind” so far"} <= set(labels)


def test_default_catalogue__can_be_computed() -> None:
    rows = [
        *_each("chat", 1, 2, channel="web", value=1.0),
        *_each("email_sent", 3, 4, channel="mail", value=2.0),
    ]
    known = history(_leads(size=1.0), rows)
    catalogue = default_catalogue(known)

    examples = Examples(np.arange(len(_IDS)), np.full(len(_IDS), at(11)))
    values = compute_features(compile_plan(catalogue), known, examples).values

    assert not np.isnan(values).all(axis=1).any()


@pytest.mark.parametrize("frequent", ["email_opened", "Email Opened"])
def test_default_catalogue__names_of_kinds_do_not_depend_on_their_frequency(frequent: str) -> None:
    days = {"email_opened": (1.0, 2.0), "Email Opened": (1.0, 2.0)} | {frequent: (1.0, 2.0, 3.0)}
    rows = [row for kind, at_days in days.items() for row in _each(kind, *at_days)]

    kinds = {feature.name: feature.kinds for feature in default_catalogue(history(_leads(), rows)).features}

    assert kinds["email_opened_count"] == ("Email Opened",)
    assert kinds["email_opened_count_2"] == ("email_opened",)


def test_default_catalogue__an_attribute_named_like_a_column_of_the_export_gets_a_number() -> None:
    leads = [lead(lead_id, number, as_of=float(number)) for number, lead_id in enumerate(_IDS)]

    assert "as_of_2" in _names(history(leads))
    assert "as_of" not in _names(history(leads))
