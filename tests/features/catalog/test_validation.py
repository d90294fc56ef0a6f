"""Features of attributes that a history keeps from models are refused."""

from __future__ import annotations

import pytest

from features.catalog.spec import attributes_of
from features.catalog.validation import FeatureDeclarationError, check_attributes
from features.catalog.wording import declare
from features.history.settings import AttributeSettings, HistorySettings

SETTINGS = HistorySettings(
    attributes={
        "revenue": AttributeSettings(known="export"),
        "budget": AttributeSettings(known="export", use="feature"),
        "owner": AttributeSettings(use="display"),
        "gender": AttributeSettings(use="protected"),
    }
)


@pytest.mark.parametrize(
    ("attribute", "sentence"),
    [
        (
            "owner",
            r"The feature 'owner' uses the attribute 'owner', whose use in history\.toml is \"display\"\.",
        ),
        ("gender", "which history.toml or protected_attributes protects"),
        (
            "revenue",
            r"'revenue', which is known only as of the export by history\.toml\. Leave the feature out",
        ),
    ],
)
def test_check_attributes__refuses_what_no_model_may_use(attribute: str, sentence: str) -> None:
    feature = declare("attribute", attribute=attribute, type="category")

    with pytest.raises(FeatureDeclarationError, match=sentence):
        check_attributes(attributes_of([feature]), SETTINGS)


def test_check_attributes__takes_all_others() -> None:
    features = [declare("attribute", attribute=name, type="number") for name in ("budget", "size")]

    check_attributes(attributes_of([*features, declare("lead_age")]), SETTINGS)
