"""What settings say of attributes, and which of them a model brings along."""

from __future__ import annotations

import pytest

from features.history.settings import AttributeSettings, HistorySettings, Known, SettingError, Use
from features.history.text_rule import TEXT_RULE, TextRule


@pytest.mark.parametrize(
    ("known", "use", "is_read", "is_feature"),
    [
        (None, None, True, True),
        ("creation", None, True, True),
        ("changes", None, True, True),
        ("export", None, True, False),
        ("export", "feature", True, True),
        ("creation", "protected", True, False),
        ("creation", "display", False, False),
        ("creation", "ignore", False, False),
    ],
)
def test_attribute_settings__say_what_is_read_and_what_a_model_may_use(
    known: Known | None, use: Use | None, is_read: bool, is_feature: bool
) -> None:
    said = AttributeSettings(known, use)

    assert (said.is_read, said.is_feature) == (is_read, is_feature)


def test_for_model__takes_how_cells_are_written_from_the_tables_and_all_else_from_the_model() -> None:
    own = HistorySettings(
        TextRule(2, ("?",)),
        exported_at=2,
        formats={"outcomes": {"amount": "1,234.5"}, "leads": {"size": "1,234.5"}},
        attributes={"size": AttributeSettings(use="ignore")},
    )
    model = HistorySettings(
        TEXT_RULE,
        exported_at=1,
        zone="UTC",
        formats={"outcomes": {"amount": "1.234,5", "occurred_at": "date"}},
    )

    made = own.for_model(model)

    assert made == HistorySettings(
        TEXT_RULE,
        exported_at=2,
        zone="UTC",
        formats={"outcomes": {"amount": "1,234.5", "occurred_at": "date"}, "leads": {"size": "1,234.5"}},
    )


def test_to_json__of_settings_that_say_nothing_is_empty() -> None:
    assert HistorySettings(TextRule(2, ("?",)), attributes={"size": AttributeSettings()}).to_json() == {}


def test_from_json__reads_what_to_json_wrote() -> None:
    settings = HistorySettings(
        TEXT_RULE, 1_000_000, "UTC", {"leads": {"size": "1.234,5"}}, {"size": AttributeSettings("export")}
    )

    assert HistorySettings.from_json(settings.to_json(), TEXT_RULE) == settings


def test_from_json__refuses_a_key_that_is_no_setting() -> None:
    with pytest.raises(SettingError, match=r"exported is no setting; did you mean exported_at\?"):
        HistorySettings.from_json({"exported": "2026-05-01T12:00:00Z"})
