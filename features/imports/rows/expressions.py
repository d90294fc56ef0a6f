"""Expressions of a map: only scalar ones that give the same for the same row are run.

A map may come from anybody. It can neither read a file nor ask for the time, an environment or a setting.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from typing import Any, Final

import duckdb

from features.imports.errors import ImportValueError

_CLASSES: Final = frozenset(
    {
        *("BETWEEN", "CASE", "CAST", "COLLATE", "COLUMN_REF", "COMPARISON", "CONJUNCTION", "CONSTANT"),
        *("FUNCTION", "LAMBDA", "LAMBDA_REF", "OPERATOR", "TYPE"),
    }
)
# Functions that tell something of the session or the moment although DuckDB calls them consistent,
# and those that make a cell of any size of a number.
_REFUSED: Final = frozenset(
    {
        *("age", "version", "get_type", "typeof", "bar", "generate_series", "range", "repeat"),
        *("array_resize", "list_resize", "json_deserialize_sql", "json_serialize_plan", "json_serialize_sql"),
    }
)
# Macros of DuckDB that are scalar; others aggregate, look into its catalog, or wait.
_MACROS: Final = frozenset(
    {"date_add", "days_in_month", "fdiv", "fmod", "if", "json", "nullif", "split_part", "list_append"}
)
_OF_LISTS: Final = ("array_p", "array_to_string", "array_append", "list_", "map_contains")
# Names that become functions without parentheses where no column has them.
_OF_SESSION: Final = frozenset(
    {
        *("current_catalog", "current_database", "current_date", "current_role", "current_schema"),
        *("current_time", "current_timestamp", "current_user", "localtime", "localtimestamp"),
        *("session_user", "user"),
    }
)
# What DuckDB gives for one expression after SELECT, and nothing else.
_EMPTY_KEYS: Final = ("where_clause", "having", "qualify", "sample")


def check_expression(connection: duckdb.DuckDBPyConnection, text: str, *, block: str, key: str) -> None:
    """Refuses an expression that is not scalar.

    Args:
        connection: any; nothing of the expression is run.
        text: the expression.
        block: its block, for the error.
        key: its key, for the error.

    Raises:
        ImportValueError: it does not parse, is more than one expression, or uses more than scalar functions.
    """
    ((serialized,),) = connection.execute("SELECT json_serialize_sql(?)", [f"SELECT {text}\n"]).fetchall()
    parsed = json.loads(serialized)
    if parsed["error"]:
        raise ImportValueError(block, key, f"it is no expression, {parsed['error_message']}")
    node = parsed["statements"][0]["node"]
    is_one = len(parsed["statements"]) == 1 and len(node.get("select_list", ())) == 1
    if not is_one or node["from_table"]["type"] != "EMPTY" or any(node.get(name) for name in _EMPTY_KEYS):
        raise ImportValueError(block, key, "it is more than one expression")
    allowed = _scalar_functions()
    for part in _parts(node["select_list"][0]):
        if part["class"] not in _CLASSES:
            kind = str(part["class"]).lower().replace("_", " ")
            raise ImportValueError(block, key, f"it has a {kind}; only scalar expressions are run")
        name = str(part.get("function_name") or "")
        if part["class"] == "FUNCTION" and name.lower() not in allowed:
            raise ImportValueError(block, key, f"{name} is no scalar function that a map can use")
        if part["class"] == "COLUMN_REF" and _is_of_session(part["column_names"]):
            name = part["column_names"][0]
            raise ImportValueError(
                block, key, f"{name} is no column; if it is one, write its table before it"
            )


def _parts(node: Any) -> Iterator[dict[str, Any]]:
    """Goes through an expression and everything in it."""
    if isinstance(node, dict):
        if "class" in node:
            yield node
        for inner in node.values():
            yield from _parts(inner)
    elif isinstance(node, list):
        for inner in node:
            yield from _parts(inner)


def _is_of_session(names: list[str]) -> bool:
    return len(names) == 1 and names[0].lower() in _OF_SESSION


@cache
def _scalar_functions() -> frozenset[str]:
    """Lists the functions of this DuckDB, which takes longer than an expression does."""
    with duckdb.connect() as connection:
        rows = connection.execute(
            "SELECT DISTINCT lower(function_name), function_type FROM duckdb_functions() "
            "WHERE (function_type = 'scalar' AND stability = 'CONSISTENT') "
            "OR (function_type = 'macro' AND internal)"
        ).fetchall()
    return frozenset(
        name
        for name, type_ in rows
        if name not in _REFUSED and (type_ == "scalar" or name in _MACROS or name.startswith(_OF_LISTS))
    )
