"""Lines of a draft that say what an interaction is: by a column, a table of names, or the table itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from features.imports.guessing.found_leads import named_column, unique_id
from features.imports.guessing.known_names import kind_of, letters, rank_of, slug
from features.imports.guessing.links import Link
from features.imports.guessing.profiles import ColumnProfile, TableProfile
from features.imports.guessing.toml_lines import sql_of, text_value, value_of
from features.imports.reading.plain_cells import FALSE, TRUE

# Rows of a table that names kinds, and share of the rows of a log that differ by their kind.
_MOST_NAMES: Final = 1_000
_FEW_SHARE: Final = 0.2
# One kind for all rows says less than the name of the table.
_FEWEST: Final = 2
_TRUTHS: Final = {*TRUE, *FALSE}
_INBOUND: Final = ("in", "eing", "entr", "receb", "recei", "recu")


def find_kind(table: TableProfile, link: Link, others: Sequence[TableProfile]) -> tuple[str, str]:
    """Finds what says what an interaction is.

    Returns:
        The join of the table that names the kinds, empty where none is needed, and the line of the kind.
    """
    kind, doubt = _kind_column(table, link), "by their names"
    named = None if kind is None or table.parent is not None else _names_of(kind, others)
    if kind is not None and named is not None:
        return _named_lines(kind, *named)
    if kind is not None and not kind.values and kind.unique_share < _FEW_SHARE and not kind.is_number:
        told = "NOT SURE: each as it is called; `values` gives others"
        return "", f"kind = {_as_called(kind, table)}  # {told}"
    by_table = kind_of(table.name)
    if kind is None or not kind.values:
        kind, doubt = None if by_table else _few_valued(table, link), "the only column with few values"
    if kind is not None:
        return "", f"kind = {_looked_up(kind)}  # NOT SURE: {doubt}"
    # Exports number their files.
    constant = text_value(by_table or slug(table.list_column or table.name).rstrip("_0123456789") or "other")
    return "", f"kind = {{constant = {constant}}}  # NOT SURE: by the name of the table"


def _kind_column(table: TableProfile, link: Link) -> ColumnProfile | None:
    """Finds the column that says by its name what an interaction is; a word says more than a number.

    One whose cells are all the same says little, unless it has the name that we give it.
    """
    named = [
        each
        for each in table.columns
        if rank_of("kind", each.own_name) is not None
        and each.name not in (link.lead.name, link.own)
        and (
            each.distinct_count >= _FEWEST
            or any(map(kind_of, each.values))
            or (each.own_name == "kind" and each.values)
        )
    ]
    return min(named, key=lambda each: (each.is_number, rank_of("kind", each.own_name) or 0), default=None)


def _named_lines(
    kind: ColumnProfile, names: TableProfile, own: ColumnProfile, name: ColumnProfile
) -> tuple[str, str]:
    """Writes the join of the table that names kinds, and the kind by those names."""
    same = f"{text_value(own.name)} = {text_value(kind.name)}"
    meanings = _looked_up(name, table=text_value(names.name))
    return (
        f"{{table = {text_value(names.name)}, on = {{{same}}}}}",
        f"kind = {meanings}  # NOT SURE: by the names that {names.name} gives",
    )


def direction_line(table: TableProfile) -> Iterator[str]:
    """Writes from which side an interaction came, where a column says so."""
    direction = named_column(table, "direction")
    if direction is not None and direction.values:
        yield f"direction = {_looked_up(direction, meaning=_direction)}  # NOT SURE"
        return
    incoming = named_column(table, "incoming")
    if incoming is not None and incoming.values:
        yield f"direction = {_looked_up(incoming, meaning=_of_incoming)}  # NOT SURE"


def _names_of(
    kind: ColumnProfile, others: Sequence[TableProfile]
) -> tuple[TableProfile, ColumnProfile, ColumnProfile] | None:
    """Finds the table that names the codes of kinds: its id, and the column with a name for each."""
    if not kind.values or kind.place is not None or not (kind.is_number or kind.is_code):
        return None
    for table in (each for each in others if each.rows_count <= _MOST_NAMES):
        own = unique_id(table)
        if own is None or not {*kind.values} <= {*own.values}:
            continue
        names = [
            each
            for each in table.columns
            if each is not own
            and each.distinct_count == table.rows_count
            and not each.is_number
            and each.values
        ]
        if names:
            return table, own, names[0]
    return None


def _as_called(kind: ColumnProfile, table: TableProfile) -> str:
    """Writes a kind as its cell is called, with small letters and lines between the words."""
    text = f"trim(regexp_replace(lower({sql_of(kind, table)}), '[^a-z0-9]+', '_', 'g'), '_')"
    return f"{{expression = {text_value(text)}}}"


def _few_valued(table: TableProfile, link: Link) -> ColumnProfile | None:
    """Finds the only column of texts with few values: what its name says, nobody here reads."""
    few = [
        each
        for each in table.columns
        if len(each.values) > 1
        and each.unique_share < _FEW_SHARE
        and not (each.is_number or each.is_time or each.clock or _is_side(each))
        and each.name not in (link.lead.name, link.own)
    ]
    return few[0] if len(few) == 1 else None


def _is_side(column: ColumnProfile) -> bool:
    """Tells whether a column says from which side something came, or whether something holds at all."""
    roles = ("direction", "incoming")
    is_named_so = any(rank_of(role, column.own_name) is not None for role in roles)
    return is_named_so or {letters(text) for text in column.values} <= _TRUTHS


def _meaning(text: str) -> str:
    return kind_of(text) or slug(text)


def _direction(text: str) -> str:
    return "inbound" if letters(text).startswith(_INBOUND) else "outbound"


def _of_incoming(text: str) -> str:
    return "inbound" if letters(text) in TRUE else "outbound"


def _looked_up(column: ColumnProfile, *, meaning: Callable[[str], str] = _meaning, **keys: str) -> str:
    pairs = ", ".join(f"{text_value(text)} = {text_value(meaning(text))}" for text in column.values)
    return value_of(column, **keys, values=f"{{{pairs}}}")
