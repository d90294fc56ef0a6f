"""Columns whose cells are objects or lists of objects, of JSON or Parquet: fields and elements of them.

A field of an object becomes a column of the session, the elements of a list a table, so that both are looked
at as everything else is; the draft says by which way they are found.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import duckdb

from features.imports.session import SOURCE, columns_of, literal, quoted, run

# Objects within objects are opened to this depth; of one column so many of its most frequent fields, and
# more where it holds the whole record.
_DEPTH: Final = 2
_FIELDS: Final = 30
_FIELDS_OF_RECORDS: Final = 200
_ELEMENT: Final = "item"
_TEXTS: Final = ("VARCHAR", "JSON")
# Signs that a way does not take.
_BARRED: Final = ('"', ".")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a field is: a column of the table, and the way from there, as in a map."""

    column: str
    path: str


def spread_objects(connection: duckdb.DuckDBPyConnection, table: str) -> dict[str, Place]:
    """Gives a table of the session a column of texts for each field of its columns of objects.

    Args:
        connection: the session.
        table: SQL of the table.

    Returns:
        The new columns by name.
    """
    found: dict[str, Place] = {}
    columns = columns_of(connection, f"SELECT * FROM {table}")
    nested = _object_columns(connection, table, columns)
    is_record = len(nested) == 1 and all(name.startswith("_") for name in columns)
    most = _FIELDS_OF_RECORDS if is_record else _FIELDS
    for name in nested:
        document = as_json(quoted(name), columns[name])
        fields = [("", 0)]
        for path, depth in fields:
            for key in _keys(connection, table, document, path, most):
                way = f"{path}.{key}".lstrip(".")
                own = f"{name}.{way}"
                if own in columns or own in found or len(fields) > most:
                    continue
                cell = f"json_extract_string({document}, {literal(_json_path(way))})"
                run(connection, f"ALTER TABLE {table} ADD COLUMN {quoted(own)} VARCHAR")
                run(connection, f"UPDATE {table} SET {quoted(own)} = {cell}")
                found[own] = Place(name, way)
                if depth + 1 < _DEPTH:
                    fields.append((way, depth + 1))
    return found


def _object_columns(
    connection: duckdb.DuckDBPyConnection, table: str, columns: Mapping[str, str]
) -> list[str]:
    """Finds the columns of which some cells may be objects."""
    nested = [name for name, kind in columns.items() if may_be_nested(kind)]
    if not nested:
        return []
    are = ", ".join(
        f"coalesce(bool_or({quoted(name)} LIKE '{{%'), false)" if columns[name] in _TEXTS else "true"
        for name in nested
    )
    (found,) = run(connection, f"SELECT {are} FROM {table}")
    return [name for name, is_one in zip(nested, found, strict=True) if is_one]


def unnested_table(connection: duckdb.DuckDBPyConnection, table: str, column: str) -> str | None:
    """Makes a table of the elements of the lists of a column; None where they are no lists of objects."""
    own = f"{SOURCE}.{quoted(table)}"
    kind = columns_of(connection, f"SELECT {quoted(column)} FROM {own}")[column]
    items = f"CAST({as_json(quoted(column), kind)} AS JSON[])"
    name = f"{table}.{column}"
    is_list = f"json_type({as_json(quoted(column), kind)}) = 'ARRAY'"
    run(
        connection,
        f"CREATE TABLE {SOURCE}.{quoted(name)} AS "
        f"SELECT CAST({_ELEMENT} AS VARCHAR) AS {quoted(element_name(column))} FROM ("
        f"SELECT unnest({items}) AS {_ELEMENT} FROM {own} WHERE {is_list})",
    )
    ((count, objects),) = run(
        connection,
        f"SELECT count(*), count(*) FILTER (json_type({quoted(element_name(column))}) = 'OBJECT') "
        f"FROM {SOURCE}.{quoted(name)}",
    )
    return name if count and objects == count else None


def element_name(column: str) -> str:
    """Names an element of the lists of a column in a map."""
    return f"{column}_{_ELEMENT}"


def may_be_nested(kind: str) -> bool:
    """Tells whether cells of a type of DuckDB may be objects or lists."""
    return kind in _TEXTS or kind.endswith("]") or kind.startswith(("STRUCT", "MAP"))


def as_json(cell: str, kind: str) -> str:
    """Writes a cell as JSON; NULL where it is none."""
    return f"CASE WHEN json_valid({cell}) THEN {cell} END" if kind in _TEXTS else f"to_json({cell})"


def _keys(
    connection: duckdb.DuckDBPyConnection, table: str, document: str, path: str, most: int
) -> Iterator[str]:
    """Gives the fields of objects, the most frequent first."""
    inner = f"json_extract({document}, {literal(_json_path(path))})" if path else document
    rows = run(
        connection,
        "SELECT key, count(*) AS n FROM (SELECT unnest(json_keys(level)) AS key FROM "
        f"(SELECT {inner} AS level FROM {table}) WHERE json_type(level) = 'OBJECT') "
        f"GROUP BY 1 ORDER BY n DESC, key LIMIT {most}",
    )
    return (
        key for key, _ in rows if key and not any(sign in key for sign in _BARRED) and not key.isdecimal()
    )


def _json_path(path: str) -> str:
    return "$" + "".join(f'."{step}"' for step in path.split("."))


def sql_field(place: Place) -> str:
    """Writes a field for an expression of a map."""
    return f"json_extract_string({quoted(place.column)}, {literal(_json_path(place.path))})"
