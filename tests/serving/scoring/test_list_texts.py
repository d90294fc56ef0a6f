"""Lists of objects as JSON texts: the bytes that pydantic gives for each list."""

from __future__ import annotations

import pyarrow as pa
import pytest
from pydantic_core import to_json

from serving.scoring.list_texts import list_texts

REASON = {"feature": "calls", "label": 'Calls "out"\n', "value": None, "points": -0.1}
FULL = {"feature": "städte", "label": "\\ \u2028 \x1f", "value": "null", "points": 5e-324}
LARGE = {"feature": "", "label": ",", "value": "]", "points": 1.7976931348623157e308}


@pytest.mark.parametrize(
    "rows", [[[]], [[], [REASON]], [[REASON, FULL], [], [LARGE, LARGE, REASON]]], ids=["none", "one", "many"]
)
def test_list_texts__are_the_bytes_of_each_list(rows: list[list[dict[str, object]]]) -> None:
    kind = pa.list_(
        pa.struct(
            [
                ("feature", pa.string()),
                ("label", pa.string()),
                ("value", pa.string()),
                ("points", pa.float64()),
            ]
        )
    )
    column = pa.chunked_array([pa.array([[REASON], *rows], kind).slice(1)])

    texts = list_texts(column)

    assert [text.encode() for text in texts] == [to_json(row) for row in rows]
