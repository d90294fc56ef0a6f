"""Attributes of leads in a draft: which can be learnt from, which are shown, and why columns are left out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from features.imports.guessing.change_logs import ChangeLog
from features.imports.guessing.found_leads import FEW, FoundLeads, named_column
from features.imports.guessing.known_names import rank_of, slug
from features.imports.guessing.profiles import ColumnProfile, TableProfile
from features.imports.guessing.states import is_state, says_origin
from features.imports.guessing.toml_lines import key_text, sql_of, text_value, value_of

# Attributes with a value of its own for more leads than this teach nothing.
_OWN_VALUES: Final = 0.5
# Why columns are left out that need no line of their own.
_SILENT: Final = ("empty", "the same in every row", "a time of day")
# What is shown in the list and never learnt from.
_DISPLAYED: Final = ("name", "company", "owner")
_KEYS: Final = {"known": text_value("export"), "use": text_value("display")}


def attribute_names(leads: FoundLeads, logs: Mapping[str, ChangeLog]) -> dict[str, str]:
    """Names the attributes that the leads may have, by column."""
    if leads.is_log:
        return {}
    taken = {*_DISPLAYED}
    account, logged = named_column(leads.table, "account_id"), _logged(logs)
    used = {leads.lead_id.name, *(each.name for each in (leads.created_at, account) if each is not None)}
    used |= _shown_columns(leads.table)
    return {
        each.name: _free(slug(each.own_name if leads.table.holds_documents else each.name), taken)
        for each in leads.table.columns
        if each.name not in used and (each.name in logged or _why_no_attribute(each) not in _SILENT)
    }


def attribute_lines(leads: FoundLeads, logs: Mapping[str, ChangeLog]) -> Iterator[str]:
    """Proposes the attributes: known only as of the export, unless a log or the name says more."""
    names = attribute_names(leads, logs)
    if leads.is_log:
        return
    logged = _logged(logs)
    silent: dict[str, list[str]] = {}
    yield "[leads.attributes]"
    yield from _display_lines(leads.table)
    yield '# Only what is set when a lead is created can be learnt from: mark it with known = "creation".'
    for column in leads.table.columns:
        why = None if column.name in logged else _why_no_attribute(column)
        if why in _SILENT:
            silent.setdefault(why, []).append(column.name)
        if column.name not in names:
            continue
        key = key_text(names[column.name])
        if why is not None:
            yield f"# {key} = {value_of(column)}  # left out: {why}"
        else:
            known, told = _known(column, logged)
            yield f"{key} = {value_of(column, known=text_value(known))}  # {told}"
    for why, columns in silent.items():
        yield f"# left out, {why}: {', '.join(columns)}"
    yield ""


def _logged(logs: Mapping[str, ChangeLog]) -> dict[str, str]:
    """Gives the name of the log of each column of the leads that has one."""
    return {column: log.table.name for log in logs.values() for column in log.attributes.values()}


def _known(column: ColumnProfile, logged: Mapping[str, str]) -> tuple[str, str]:
    """Tells from when on a value is known, and how sure that is."""
    if column.name in logged:
        return "changes", f"sure: {logged[column.name]} has its changes"
    if says_origin(column):
        return "creation", "NOT SURE: usually set when a lead is created"
    return "export", "sure: only the value of today is known"


def _why_no_attribute(column: ColumnProfile) -> str | None:
    reasons = [
        (column.filled_share == 0.0, _SILENT[0]),
        (column.is_nested or column.distinct_count == 0, "it holds objects or lists; see path and unnest"),
        (column.is_personal or rank_of("person", column.own_name) is not None, "it names a person"),
        (bool(column.clock), _SILENT[2]),
        (
            column.is_time and not column.is_number,
            "a time is no attribute, but may be that of a closing",
        ),
        (column.distinct_count == 1, _SILENT[1]),
        (is_state(column), "it says how a lead ended; see the outcomes below"),
        (
            column.unique_share > _OWN_VALUES
            and not (column.is_number or column.is_amount)
            and column.distinct_count > FEW,
            "it has a value of its own for most leads",
        ),
    ]
    return next((why for holds, why in reasons if holds), None)


def _free(name: str, taken: set[str]) -> str:
    """Makes a name that is not taken, and is none of the columns of leads."""
    base = f"{name}_of_lead" if name in ("lead_id", "created_at", "account_id") else name
    own, number = base, 1
    while own in taken:
        number += 1
        own = f"{base}_{number}"
    taken.add(own)
    return own


def _display_lines(table: TableProfile) -> Iterator[str]:
    """Writes what of the leads of a table is shown."""
    shown = {role: _shown(table, role) for role in _DISPLAYED[1:]}
    others = (f"{role} = {value_of(column, **_KEYS)}" for role, column in shown.items() if column is not None)
    lines = [*_name_lines(table), *others]
    if lines:
        yield "# These are shown, and never learnt from; leave them out where nobody should see them."
        yield from lines


def _name_lines(table: TableProfile) -> Iterator[str]:
    whole = _shown(table, "full_name")
    if whole is not None:
        yield f"name = {value_of(whole, **_KEYS)}"
        return
    parts = [part for role in ("first_name", "last_name") if (part := _shown(table, role)) is not None]
    if parts:
        cells = ", ".join(sql_of(part, table) for part in parts)
        both = text_value(f"nullif(trim(concat_ws(' ', {cells})), '')")
        keys = ", ".join(f"{key} = {value}" for key, value in _KEYS.items())
        yield f"name = {{expression = {both}, {keys}}}"


def _shown_columns(table: TableProfile) -> set[str]:
    """Gives the names of the columns that are shown, and need no other line."""
    names = [each for role in ("full_name", "first_name", "last_name") if (each := _shown(table, role))]
    owner = _shown(table, "owner")
    company = _shown(table, "company")
    return {each.name for each in (*names, owner, company) if each is not None}


def _shown(table: TableProfile, role: str) -> ColumnProfile | None:
    """Finds a column of texts for a role: ids of people are not shown."""
    found = named_column(table, role)
    is_text = found is not None and not (
        found.is_number or found.is_time or found.is_nested or found.is_email
    )
    return found if is_text else None
