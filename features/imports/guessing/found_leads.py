"""Finds the table of leads of a source, and the columns that a table has for a purpose."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from features.imports.errors import ImportSourceError
from features.imports.guessing.known_names import LEAD_TABLES, letters, rank_of
from features.imports.guessing.profiles import ColumnProfile, TableProfile

_UNIQUE: Final = 0.98
_FILLED: Final = 0.98
# Of people in a table of leads some are there more than once.
_MOSTLY_UNIQUE: Final = 0.8
FEW: Final = 20
# Parts of names of columns that say when a lead was changed last, and when it was created.
_CHANGES: Final = ("updat", "modif", "chang", "last", "sync", "geandert", "alter", "ultim", "dernier", "更新")
_CREATIONS: Final = (
    *(
        "creat",
        "cria",
        "creac",
        "erstell",
        "angelegt",
        "erfasst",
        "added",
        "regist",
        "signup",
        "登録",
        "作成",
    ),
)
# `lead_history` is a less likely table of leads than `contacts`, and a likelier one than `users`.
_MORE_IN_NAME: Final = 8
# Roles of columns that hold no ids, though each cell be another.
_NO_IDS: Final = ("person", "value", "amount")
# What may follow a word in the name of a table of leads: its plural, in several languages, and a number.
_PLURAL: Final = re.compile("(s|es|e|en|n|i|ies|y|ies|os|as|ions?|unities|unity|er)?[0-9]*")
# Parts of names of columns that say when a lead was closed.
_CLOSINGS: Final = (
    *("clos", "won", "lost", "convert", "conversion", "customer", "bought", "purchas", "sold", "signature"),
    *(
        "fechament",
        "fecho",
        "fechado",
        "abschluss",
        "abgeschl",
        "clotur",
        "cierre",
        "chius",
        "vendid",
        "verkauft",
        "vendita",
        "venta",
    ),
    *("venda", "perda", "perdid", "gewonn", "verlor", "受注", "失注", "成約", "契約", "成交"),
)


@dataclass(frozen=True, slots=True)
class FoundLeads:
    """Where the leads are.

    Attributes:
        table: their table.
        lead_id: the column of their ids.
        created_at: when they were created; None: no column says so.
        is_log: whether a lead has several rows, and begins with the first of them.
        is_address: whether there is no id, and one is made of the address or number that the column holds.
    """

    table: TableProfile
    lead_id: ColumnProfile
    created_at: ColumnProfile | None
    is_log: bool = False
    is_address: bool = False


def find_leads(profiles: Sequence[TableProfile]) -> FoundLeads:
    """Finds the table of leads: one with unique ids or addresses, by name; else a log of what they did."""
    found = [
        *((each, column) for each in profiles if (column := unique_id(each)) is not None),
        *((each, column) for each in profiles if (column := _address(each)) is not None),
    ]
    log = next((own for each in profiles if (own := _log(each)) is not None), None)
    if log is not None and not any(
        is_named(table) if column.is_personal else rank_of("lead_id", column.own_name) is not None
        for table, column in found
    ):
        return log
    if not found and (calls := next(filter(None, map(_log_of_addresses, profiles)), None)) is not None:
        return calls
    if not found:
        have_times = any(map(times_of, profiles))
        raise ImportSourceError(
            f"No table has a column with an id for every row{'' if have_times else ', and none has times'}",
            "Export the leads with their id or e-mail address, or write the map by hand."
            if have_times
            else "Without any dates nothing can be learnt about time: export the id of each lead, and when "
            "it was created and closed.",
        )
    table, lead_id = min(
        found,
        key=lambda pair: (
            name_rank(pair[0].name) + (0 if is_table_of_leads(pair[0].name) else _MORE_IN_NAME),
            not times_of(pair[0]),
            -len(pair[0].columns),
        ),
    )
    return FoundLeads(table, lead_id, _created_at(table, lead_id), is_address=lead_id.is_personal)


def _address(table: TableProfile) -> ColumnProfile | None:
    """Finds the column with an e-mail address or telephone number of every row of a table without ids."""
    if unique_id(table) is not None:
        return None
    addresses = [
        each
        for each in table.columns
        if each.is_personal
        and table.is_own(each)
        and each.filled_share >= _FILLED
        and each.unique_share >= (_MOSTLY_UNIQUE if is_named(table) else _UNIQUE)
    ]
    return min(addresses, key=lambda each: not each.is_email, default=None)


def _is_unique(column: ColumnProfile) -> bool:
    return column.unique_share >= _UNIQUE and column.filled_share >= _FILLED


def _created_at(table: TableProfile, lead_id: ColumnProfile) -> ColumnProfile | None:
    """Finds when leads were created: never by a column that says when some were closed."""
    others = (lead_id.name, *map(_name, times_of_closing(table)))
    changes = [each.name for each in times_of(table) if says_change(each)]
    found = time_column(table, "created_at", besides=(*others, *changes))
    if found is not None and rank_of("created_at", found.own_name) is None:
        times = [each for each in times_of(table) if each.name not in (*others, *changes)]
        found = next((each for each in times if says_creation(each)), found)
    is_sure = found is not None and rank_of("created_at", found.own_name) is not None
    return found if is_sure or (found is not None and found.filled_share >= _FILLED) else None


def says_creation(column: ColumnProfile) -> bool:
    """Tells whether the name of a time says that something was created or entered."""
    return any(word in letters(column.own_name) for word in _CREATIONS)


def _name(column: ColumnProfile) -> str:
    return column.name


def times_of_closing(table: TableProfile) -> list[ColumnProfile]:
    """Finds the times whose names say that something was closed, won or lost."""
    return [each for each in times_of(table) if says_closing(each)]


def says_closing(column: ColumnProfile) -> bool:
    """Tells whether the name of a column says that something was closed, won or lost."""
    own = letters(column.own_name)
    if rank_of("created_at", column.own_name) is not None:
        return False
    return rank_of("closed_at", column.own_name) is not None or any(word in own for word in _CLOSINGS)


def _log(table: TableProfile) -> FoundLeads | None:
    """Finds the leads of a table with several rows a lead."""
    named = [
        each
        for each in table.columns
        if rank_of("lead_id", each.name) is not None and each.unique_share < _UNIQUE
    ]
    at = time_column(table, "occurred_at", besides=())
    if not named or at is None or at.place is not None:
        return None
    return FoundLeads(
        table, min(named, key=lambda each: rank_of("lead_id", each.own_name) or 0), at, is_log=True
    )


def _log_of_addresses(table: TableProfile) -> FoundLeads | None:
    """Finds the leads of a table with several rows a person, who has an address or number alone."""
    addresses = [
        each
        for each in table.columns
        if each.is_personal and each.place is None and each.filled_share >= _FILLED
    ]
    at = time_column(table, "occurred_at", besides=())
    if not addresses or at is None or at.place is not None:
        return None
    lead_id = min(addresses, key=lambda each: not each.is_email)
    return FoundLeads(table, lead_id, at, is_log=True, is_address=True)


def unique_id(table: TableProfile) -> ColumnProfile | None:
    """Finds the column with an id of every row: by its name, else the first one that looks like ids."""
    unique = [
        each
        for each in table.columns
        if _is_unique(each)
        and not each.is_personal
        and table.is_own(each)
        and not (table.holds_documents and each.place is None)
        and not each.clock
        and not (each.is_amount and rank_of("lead_id", each.own_name) is None)
        and not (each.is_time and rank_of("lead_id", each.own_name) is None)
        and all(rank_of(role, each.own_name) is None for role in _NO_IDS)
    ]
    named = [each for each in unique if rank_of("lead_id", each.own_name) is not None]
    if named:
        return min(named, key=lambda each: rank_of("lead_id", each.own_name) or 0)
    # Notes are unique, too, and no ids.
    coded = [each for each in unique if each.is_code]
    return next((each for each in coded if not each.is_number or table.rows_count > FEW), None)


def name_rank(name: str) -> int:
    """Tells how likely a table holds leads, by its name: 0 is the likeliest."""
    own = letters(name)
    return next((rank for rank, word in enumerate(LEAD_TABLES) if word in own), len(LEAD_TABLES))


def is_table_of_leads(name: str) -> bool:
    """Tells whether a table is called leads, contacts and so on, and nothing more: `lead_history` is not."""
    own = letters(name)
    return any(own.startswith(word) and _PLURAL.fullmatch(own[len(word) :]) for word in LEAD_TABLES)


def times_of(table: TableProfile) -> list[ColumnProfile]:
    """Finds the columns of times; numbers count only where their name says so."""
    roles = ("created_at", "closed_at", "occurred_at", "modified_at")
    return [
        each
        for each in table.columns
        if each.is_time
        and (not each.is_number or any(rank_of(role, each.own_name) is not None for role in roles))
    ]


def time_column(table: TableProfile, role: str, *, besides: Sequence[str]) -> ColumnProfile | None:
    """Finds the column of times for a role: by its name, else the fullest one."""
    times = [each for each in times_of(table) if each.name not in besides]
    named = [each for each in times if rank_of(role, each.own_name) is not None]
    if named:
        return min(named, key=lambda each: rank_of(role, each.own_name) or 0)
    return min(times, key=lambda each: (_is_bookkeeping(each), -each.filled_share), default=None)


def says_change(column: ColumnProfile) -> bool:
    """Tells whether the name of a time says that it is the last one of several."""
    own = letters(column.own_name)
    # The date of a signup is none of an update.
    is_said = any(word in own.replace("signup", "") for word in _CHANGES)
    return rank_of("modified_at", own) is not None or is_said


def _is_bookkeeping(column: ColumnProfile) -> bool:
    """Tells whether a time is that of an entry or of its last change."""
    return says_change(column) or any(
        rank_of(role, column.own_name) is not None for role in ("created_at", "modified_at")
    )


def is_named(table: TableProfile) -> bool:
    """Tells whether the name of a table says that it holds leads."""
    return name_rank(table.name) < len(LEAD_TABLES)


def named_column(table: TableProfile, role: str) -> ColumnProfile | None:
    """Finds the column whose name is the likeliest one for a role."""
    named = [each for each in table.columns if rank_of(role, each.own_name) is not None]
    return min(named, key=lambda each: rank_of(role, each.own_name) or 0, default=None)
