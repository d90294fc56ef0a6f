"""Declarations: what is refused, and that what is written is what is read."""

from __future__ import annotations

import json
from typing import Any

import pytest

from features.catalog.spec import Feature, FeatureSet, feature_of_record
from features.catalog.validation import FeatureDeclarationError
from tests.support.declarations import every_feature


def _calls(**fields: Any) -> Feature:
    return Feature(**{"name": "calls", "measure": "count", "label": "Calls"} | fields)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"measure": "median"}, "measure = 'median'. Use one of active_days, attribute"),
        ({"name": ""}, "A feature has an empty name. Give it a name."),
        ({"label": ""}, "has an empty label"),
        ({"kinds": "call"}, "has kinds = 'call', which is of the wrong type. Write .* kinds as a list"),
        ({"kinds": (1,)}, "Write kinds as a list of texts"),
        ({"window_days": "7"}, "has window_days = '7', which is of the wrong type"),
        ({"window_days": True}, "which is of the wrong type"),
        ({"window_days": 0}, "has window_days = 0. Use days above 0"),
        ({"window_days": float("nan")}, "has window_days = nan"),
        ({"window_days": float("inf")}, "has window_days = inf"),
        (
            {"half_life_days": 7},
            "sets half_life_days, which the measure count does not use. Remove half_life_days",
        ),
        ({"measure": "decayed_count"}, "lacks half_life_days, which the measure decayed_count needs"),
        ({"measure": "attribute"}, "lacks attribute"),
        (
            {"measure": "attribute", "attribute": "size", "scope": "account"},
            r"but only leads have the measure .*\. Remove scope",
        ),
        ({"measure": "calendar", "part": "tea_time"}, "has part = 'tea_time'. Use one of as_of_day"),
        ({"direction": "upwards"}, "Use one of inbound, outbound"),
        ({"account_limit": 10}, "sets account_limit without scope = account. Remove account_limit"),
        ({"scope": "account", "account_limit": 0}, "has account_limit = 0. Use a number of interactions"),
        ({"scope": "world"}, "Use one of account, lead"),
        ({"type": "category"}, "has the type category, but its measure gives a number"),
        ({"measure": "last_channel"}, 'Write type = "category"'),
        (
            {"measure": "waiting_hours", "kinds": ("call",)},
            "sets kinds, which the measure waiting_hours does not use",
        ),
    ],
)
def test_feature__refuses(fields: dict[str, Any], sentence: str) -> None:
    with pytest.raises(FeatureDeclarationError, match=sentence):
        _calls(**fields)


def test_feature_set__refuses_a_name_twice() -> None:
    with pytest.raises(FeatureDeclarationError, match="The feature 'calls' is declared twice"):
        FeatureSet((_calls(), _calls(window_days=7)))


def test_to_json__is_read_back_the_same() -> None:
    every = every_feature()

    read = FeatureSet.from_json(every.to_json())

    assert read == every
    assert read.version == every.version


def test_version__depends_on_what_is_declared_only() -> None:
    assert FeatureSet((_calls(window_days=7),)).version == FeatureSet((_calls(window_days=7.0),)).version
    assert FeatureSet((_calls(window_days=7),)).version != FeatureSet((_calls(window_days=8),)).version
    assert FeatureSet((_calls(),)).version != FeatureSet((_calls(kinds=("call",)),)).version


def test_version__is_the_start_of_a_sha256() -> None:
    version = FeatureSet((_calls(),)).version

    assert len(version) == 12
    assert int(version, 16) >= 0


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{", "cannot be read"),
        ("{}", "is not in a list of declarations"),
        ('["count"]', "is not in a list of declarations"),
        ('[{"name":"a","measure":"count"}]', "The feature 'a' has no label"),
        ('[{"name":"a","measure":"count","label":"A","window":7}]', "has a field 'window' that is not known"),
        ('[{"name":"a","measure":["count"],"label":"A"}]', "of the wrong type"),
        ('[{"name":"a","measure":"count","label":"A","type":null}]', "of the wrong type"),
        ('[{"name":"a","measure":"count","label":"A","kinds":[["b"]]}]', "Write kinds as a list of texts"),
    ],
)
def test_from_json__refuses(text: str, sentence: str) -> None:
    with pytest.raises(FeatureDeclarationError, match=sentence):
        FeatureSet.from_json(text)


def test_feature_of_record__takes_lists_for_kinds() -> None:
    record = json.loads('{"name": "a", "measure": "count", "label": "A", "kinds": ["b", "c"]}')

    assert feature_of_record(record).kinds == ("b", "c")
