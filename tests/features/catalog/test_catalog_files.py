"""Catalogues written by hand: lists that unfold, and sentences for what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from features.catalog import catalog_files
from features.catalog.catalog_files import CatalogueFileError, load_catalogue, write_catalogue
from features.catalog.spec import FeatureSet
from features.catalog.validation import FeatureDeclarationError
from features.catalog.wording import declare


def _load(folder: Path, text: str) -> FeatureSet:
    path = folder / "features.toml"
    path.write_text(text, encoding="utf-8")
    return load_catalogue(path)


def test_load_catalogue__lists_unfold(tmp_path: Path) -> None:
    features = _load(
        tmp_path,
        """
        [[feature]]
        measure = "count"
        each_kind = ["call_outbound", "email_opened"]
        window_days = [7, 30]
        """,
    )

    assert features.names == (
        "call_outbound_count_7d",
        "call_outbound_count_30d",
        "email_opened_count_7d",
        "email_opened_count_30d",
    )
    assert features.features[3].label == "E-mails opened in the last 30 days"
    assert features.features[3].unit == "interactions"


def test_load_catalogue__kinds_are_one_feature(tmp_path: Path) -> None:
    features = _load(
        tmp_path,
        """
        [[feature]]
        name = "days_since_contact"
        label = "Days since we last spoke"
        measure = "days_since_last"
        kinds = ["call_outbound", "call_inbound"]

        [[feature]]
        measure = "last_channel"
        kinds = "call_outbound"

        [[feature]]
        measure = "attribute"
        attribute = ["country", "industry"]
        type = "category"
        """,
    )

    assert features.names == (
        "days_since_contact",
        "last_channel_of_call_outbound",
        "country",
        "industry",
    )
    assert features.features[0].kinds == ("call_outbound", "call_inbound")
    assert [feature.type for feature in features.features] == ["number", "category", "category", "category"]


def test_load_catalogue__example_in_its_own_documentation(tmp_path: Path) -> None:
    documented = (catalog_files.__doc__ or "").split("\n\n", 1)[1]

    assert len(_load(tmp_path, documented).features) == 2 * 2 + 2 + 1


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            'measure = "count"',
            r"must hold a list named feature, but holds measure\. Write each feature below",
        ),
        ("", "but holds nothing"),
        ("[[feature]", "is not TOML in UTF-8"),
        ('[[features]]\nmeasure = "count"', "must hold a list named feature, but holds features"),
    ],
)
def test_load_catalogue__refuses_files(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(CatalogueFileError, match=sentence):
        _load(tmp_path, text)


def test_load_catalogue__file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(CatalogueFileError, match=r"none\.toml cannot be opened: No such file"):
        load_catalogue(tmp_path / "none.toml")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("window_days = 7", 'A feature has no measure. Add measure = "count"'),
        ('measure = "median"', "has the unknown measure 'median'. Use active_days"),
        ('measure = "count"\nwindows = 7', "has a field 'windows' that is not known. Fields are"),
        (
            'measure = "count"\nname = "calls"\nwindow_days = [7, 30]',
            "has one name or label, but several features",
        ),
        ('measure = "count"\nkinds = "a"\neach_kind = ["b"]', "has both kinds and each_kind"),
        ('measure = "attribute"\nattribute = "size"', "has no type. Add type"),
        ('measure = "count"\nname = "sales_side_calls"', "has a name that begins with sales_side_"),
        (
            'measure = "count"\nwindow_days = 7\n[[feature]]\nmeasure = "count"\nwindow_days = 7.0',
            "declared twice",
        ),
        ('measure = "count"\nwindow_days = -7', "has window_days = -7"),
        ('measure = "count"\nkinds = [7]', "Write kinds as a list of texts"),
    ],
)
def test_load_catalogue__refuses_declarations(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(FeatureDeclarationError, match=sentence):
        _load(tmp_path, f"[[feature]]\n{text}\n")


def test_write_catalogue__is_read_back_as_the_same_features(tmp_path: Path) -> None:
    # Another unit and meaning than its measure's, odd signs, and every other field once.
    written = FeatureSet(
        (
            declare("count", kinds=["call_outbound", "call_inbound"], window_days=7),
            declare("attribute", attribute="country", type="category"),
            declare("attribute", attribute="size", type="number"),
            declare("momentum", window_days=2.5, unit="", missing="quiet", label='"A"\\ \x7f é\n'),
            declare("decayed_count", half_life_days=30, scope="account", direction="inbound"),
            declare("self_education_share", kinds=["page_view"], before_kinds=["call_held"]),
            declare("count", channel="web"),
        )
    )
    path = tmp_path / "features.toml"

    write_catalogue(path, written)

    assert load_catalogue(path) == written
    assert load_catalogue(path).version == written.version
