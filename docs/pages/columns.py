"""The page of columns: what a history takes, and what a score gives."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import pyarrow as pa
from pydantic import BaseModel

from docs.pages.tables import code, table
from features.tables.schema import COLUMN_DOCS, REQUIRED, TABLE_DOCS
from serving.http.openapi.score_answers import CurvePoint, LeadScore, Reason
from serving.scoring.arrow_rows import SCORE_SCHEMA

_HEAD: Final = """# Columns

## A history

A history is a folder with the tables below as `.parquet` or `.csv`, or the same tables in SQLite or
PostgreSQL. `leads` and `interactions` are required; without outcomes the history can be scored, but not used
for training; `attribute_changes` is optional. The order of rows does not matter. Times carry a zone. Each
[problem](problems.md) with a history has a code.
"""
_SCORES_HEAD: Final = """## Scores

One row per lead that exists at `as_of`, sorted by `lead_id`, with the columns in this order. `POST /v1/score`
answers the same fields as one object. In a CSV file and in a database, `reasons` and `curve` are JSON texts.
"""
_REASONS_HEAD: Final = """### Entries of reasons

The entries with the largest absolute points, then one named `other` for the sum of the rest: `base_log_odds`
plus all points is the logit of the probability.
"""
_CURVE_HEAD: Final = "### Entries of curve\n"


def columns_page() -> str:
    """Lists the columns of all tables with type and meaning, as Markdown."""
    scores = ((code(name), *rest) for name, *rest in _score_rows())
    parts = [
        _HEAD,
        *(_history_table(name) for name in REQUIRED),
        _SCORES_HEAD,
        table(["column", "type", "meaning"], scores),
        _REASONS_HEAD,
        table(["field", "meaning"], _described(Reason)),
        _CURVE_HEAD,
        table(["field", "meaning"], _described(CurvePoint)),
    ]
    return "\n".join(parts)


def _history_table(name: str) -> str:
    rows = [
        (code(column), "yes" if column in REQUIRED[name] else "", words.holds, words.meaning)
        for column, words in COLUMN_DOCS[name].items()
    ]
    listed = table(["column", "required", "holds", "meaning"], rows)
    return f"### {name}\n\n{TABLE_DOCS[name]}\n\n{listed}"


def _score_rows() -> Iterator[tuple[str, str, str]]:
    for field in SCORE_SCHEMA:
        yield field.name, _type_words(field.type), LeadScore.model_fields[field.name].description or ""


def _type_words(kind: pa.DataType) -> str:
    """Says in plain words what a column holds."""
    if pa.types.is_list(kind):
        return "list"
    if pa.types.is_timestamp(kind):
        return "time, UTC"
    words = {pa.string(): "text", pa.float64(): "number", pa.int64(): "whole number", pa.bool_(): "boolean"}
    return words[kind]


def _described(model: type[BaseModel]) -> Iterator[tuple[str, str]]:
    for name, field in model.model_fields.items():
        yield code(name), field.description or ""
