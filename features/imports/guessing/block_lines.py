"""Lines of a draft: the head, the leads with their attributes, and a block of interactions for each table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from features.imports.guessing.found_leads import (
    FEW,
    FoundLeads,
    is_named,
    named_column,
    time_column,
    times_of,
    unique_id,
)
from features.imports.guessing.known_names import kind_of, letters, rank_of, slug
from features.imports.guessing.links import Link
from features.imports.guessing.profiles import ColumnProfile, TableProfile
from features.imports.guessing.toml_lines import (
    is_state,
    key_text,
    lead_lines,
    says_origin,
    tells_ends,
    text_value,
    time_value,
)

# Attributes with a value of its own for more leads than this teach nothing.
_OWN_VALUES: Final = 0.5
# Why columns are left out that need no line of their own.
_SILENT: Final = ("empty", "the same in every row")


def head_lines(profiles: Sequence[TableProfile], source: str, patterns: Mapping[str, str]) -> Iterator[str]:
    """Writes the head: what the words of remarks mean, zone, time of the export, patterns of files."""
    yield f"# A draft of a map for {source}: look at every line. docs/import.md explains the keys."
    yield "# sure: the content says so. NOT SURE: look at it. NEVER GUESSED: only you know."
    yield f"description = {text_value(f'A draft for {source}')}"
    times = [column for table in profiles for column in times_of(table)]
    if any(each.is_naive for each in times):
        yield 'zone = "UTC"  # NOT SURE: times carry no zone; write that of the people who entered them'
    yield "# exported_at = 2026-01-31T18:00:00Z  # when it was exported; without it: now, or --exported-at"
    yield ""
    for name, pattern in patterns.items():
        yield f"[tables.{key_text(name)}]"
        yield f"file = {text_value(pattern)}  # sure: these files have the same columns"
        yield ""


def leads_block(leads: FoundLeads) -> Iterator[str]:
    """Writes the block of leads, without their attributes."""
    name = leads.table.name
    yield "[leads]"
    if leads.is_log:
        told = "# NOT SURE: no table has one row a lead; a lead begins with its first row here"
        yield f"from = {text_value(name)}  {told}"
        first = leads.created_at.name if leads.created_at else ""
        yield f"latest = {{by = [{text_value(leads.lead_id.name)}], first_by = {text_value(first)}}}"
    else:
        told = "sure" if is_named(leads.table) else "NOT SURE: it has one row for each id"
        yield f"from = {text_value(name)}  # {told}"
    how = "sure: unique and never empty" if rank_of("lead_id", leads.lead_id.name) is not None else "NOT SURE"
    yield f"lead_id = {text_value(leads.lead_id.name)}  # {'NOT SURE' if leads.is_log else how}"
    if leads.created_at is None:
        yield "# created_at: NEVER GUESSED: no column holds times. Without any dates nothing can be learnt"
        yield "# about time: export the column that says when a lead was created, and name it here."
    else:
        told = _sureness(leads.created_at, "created_at") if not leads.is_log else "NOT SURE"
        yield f"created_at = {time_value(leads.created_at)}  # {told}"
    account = named_column(leads.table, "account_id")
    if account is not None and not account.is_time and account.name != leads.lead_id.name:
        yield f"account_id = {text_value(account.name)}  # NOT SURE: the company of several leads"
    yield ""


def _sureness(column: ColumnProfile, role: str) -> str:
    doubts = []
    if rank_of(role, column.name) is None:
        doubts.append("its name does not say so")
    if len(column.formats) > 1:
        doubts.append(f"every cell could also be {' or '.join(each[0] for each in column.formats[1:3])}")
    return f"NOT SURE: {'; '.join(doubts)}" if doubts else "sure"


def attribute_lines(leads: FoundLeads) -> Iterator[str]:
    """Proposes the attributes: known only as of the export, unless the name says where a lead came from."""
    if leads.is_log:
        return
    account = named_column(leads.table, "account_id")
    used = {leads.lead_id.name, *(each.name for each in (leads.created_at, account) if each is not None)}
    taken: set[str] = set()
    yield "[leads.attributes]"
    yield '# Only what is set when a lead is created can be learnt from: mark it with known = "creation".'
    silent: dict[str, list[str]] = {}
    for column in (each for each in leads.table.columns if each.name not in used):
        why = _why_no_attribute(column)
        if why in _SILENT:
            silent.setdefault(why, []).append(column.name)
            continue
        name = _free(slug(column.name), taken)
        if why is not None:
            yield f"# {key_text(name)} = {text_value(column.name)}  # left out: {why}"
        elif says_origin(column):
            told = "NOT SURE: usually set when a lead is created"
            yield f'{key_text(name)} = {{column = {text_value(column.name)}, known = "creation"}}  # {told}'
        else:
            told = "sure: only the value of today is known"
            yield f'{key_text(name)} = {{column = {text_value(column.name)}, known = "export"}}  # {told}'
    for why, names in silent.items():
        yield f"# left out, {why}: {', '.join(names)}"
    yield ""


def _why_no_attribute(column: ColumnProfile) -> str | None:
    reasons = [
        (column.filled_share == 0.0, _SILENT[0]),
        (column.is_nested or column.distinct_count == 0, "it holds objects or lists; see path and unnest"),
        (column.is_personal or rank_of("person", column.name) is not None, "it names a person"),
        (
            column.is_time and not column.is_number,
            "a time is no attribute, but may be that of a closing",
        ),
        (column.distinct_count == 1, _SILENT[1]),
        (is_state(column), "it says how a lead ended; see the outcomes below"),
        (
            column.unique_share > _OWN_VALUES and not column.is_number and column.distinct_count > FEW,
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


def log_lines(leads: FoundLeads) -> Iterator[str]:
    """Writes the interactions of a log, which are rows of the table of leads itself."""
    yield from _interaction_lines(leads.table, Link(leads.lead_id), is_sure=False)


def other_lines(table: TableProfile, links: Mapping[str, Link]) -> Iterator[str]:
    """Writes the block of another table, or why there is none."""
    link = links.get(table.name)
    if any(each.via == table.name for each in links.values()):
        yield f"# The table {table.name} is joined below: it says which rows belong to which lead."
    elif link is None:
        yield f"# The table {table.name} is not used: no column of it holds ids of leads."
    elif tells_ends(table):
        yield f"# The table {table.name} says how leads end: see the outcomes below."
    elif not times_of(table):
        yield f"# The table {table.name} is not used: no column of it holds times."
    else:
        yield from _interaction_lines(table, link, is_sure=True)
        return
    yield ""


def _interaction_lines(table: TableProfile, link: Link, *, is_sure: bool) -> Iterator[str]:
    at = time_column(table, "occurred_at", besides=())
    if at is None:
        return
    recorded = named_column(table, "created_at")
    own_id = unique_id(table)
    yield "[[interactions]]"
    yield f"from = {text_value(table.name)}"
    is_sure &= rank_of("lead_id", link.lead.name) is not None or not link.lead.is_number
    doubt = "NOT SURE: its cells could be ids of leads"
    told = "sure: its cells are ids of leads" if is_sure and link.via is None else doubt
    *before, last = lead_lines(link)
    yield from before
    yield f"{last}  # {told}"
    yield from _kind_lines(table, link)
    yield f"occurred_at = {time_value(at)}  # {_sureness(at, 'occurred_at')}"
    if recorded is not None and recorded.is_time and recorded.name != at.name:
        yield f"available_at = {time_value(recorded)}  # NOT SURE: when it was recorded"
    if own_id is not None and own_id.name not in (link.lead.name, link.own) and not own_id.is_time:
        told = "sure: unique and never empty" if rank_of("lead_id", own_id.name) is not None else "NOT SURE"
        yield f"interaction_id = {text_value(own_id.name)}  # {told}"
    direction = named_column(table, "direction")
    if direction is not None and direction.values:
        yield f"direction = {_looked_up(direction, _direction)}  # NOT SURE"
    yield ""


def _kind_lines(table: TableProfile, link: Link) -> Iterator[str]:
    kind = named_column(table, "kind")
    doubt = "by their names"
    if kind is None or not kind.values:
        kind, doubt = _few_valued(table), "the only column with few values"
    if kind is None or kind.name in (link.lead.name, link.own):
        guess = kind_of(table.name) or slug(table.name)
        yield f"kind = {{constant = {text_value(guess)}}}  # NOT SURE: by the name of the table"
    else:
        meanings = _looked_up(kind, lambda text: kind_of(text) or slug(text))
        yield f"kind = {meanings}  # NOT SURE: {doubt}"


def _few_valued(table: TableProfile) -> ColumnProfile | None:
    """Finds the only column of texts with few values: what its name says, nobody here reads."""
    few = [each for each in table.columns if len(each.values) > 1 and not (each.is_number or each.is_time)]
    return few[0] if len(few) == 1 else None


def _direction(text: str) -> str:
    own = letters(text)
    inbound = ("in", "eing", "entr", "receb", "recei", "recu")
    return "inbound" if own.startswith(inbound) else "outbound"


def _looked_up(column: ColumnProfile, meaning: Callable[[str], str]) -> str:
    pairs = ", ".join(f"{text_value(text)} = {text_value(meaning(text))}" for text in column.values)
    return f"{{column = {text_value(column.name)}, values = {{{pairs}}}}}"
