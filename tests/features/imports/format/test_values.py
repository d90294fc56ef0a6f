from __future__ import annotations

import pytest
from pydantic import ValidationError

from features.imports.format.values import PlainValue
from tests.leadodds_cli.test_app import loaded_by


def test_values__load_neither_duckdb_nor_arrow_for_a_server() -> None:
    loaded = {name.split(".")[0] for name in loaded_by("import features.imports.format.values")}

    assert loaded & {"duckdb", "pyarrow", "pandas", "sqlalchemy"} == set()


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({}, "exactly one of column, constant"),
        ({"column": "a", "constant": "b"}, "exactly one of column, constant"),
        ({"constant": "b", "path": "c"}, "a path needs its column"),
        ({"column": "a", "default": "b"}, "a default needs values"),
        ({"column": "a", "format": "ISO"}, "ISO is no format"),
        ({"column": "a", "format": ["date", "%d"]}, "several formats have to be patterns"),
        ({"column": "a", "zone": "Lisbon"}, "Lisbon is no zone"),
        ({"column": "a", "expression": "b"}, "Extra inputs are not permitted"),
    ],
)
def test_plain_value__refuses_keys_that_do_not_go_together(keys: dict[str, object], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        PlainValue.model_validate(keys)
