"""Reads the table `attribute_changes`: attribute values that became known after the lead was created."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from features.findings.input_codes import change_expected
from features.history.lead_history import Attribute, AttributeChanges, AttributeType, Floats, Ints
from features.history.subset import compact_attribute
from features.parsing.attribute_values import type_of_texts, values_of_texts
from features.parsing.text_columns import Texts
from features.parsing.time_columns import NO_TIME
from features.tables.lead_rows import Leads
from features.tables.row_order import order_rows, starts_of_groups
from features.tables.table_reader import Rows, usable_rows


@dataclass(frozen=True, slots=True)
class _Changes:
    """Changes of one attribute: the usable rows, and lead, time and text of every row of the table."""

    name: str
    usable: Ints
    lead: Ints
    known: Ints
    texts: Texts


def read_changes(
    rows: Rows, leads: Leads | None, *, attribute_types: Mapping[str, AttributeType]
) -> dict[str, Attribute]:
    """Reads the changes, reports findings and adds the changes to the attributes.

    Args:
        rows: the table.
        leads: the leads; None where they could not be read: then only the columns are checked.
        attribute_types: types by attribute name; other types are inferred from the values.

    Returns:
        All attributes, including those that have values only here; none where a finding stops everything.
    """
    attribute, texts, known = rows.texts("attribute"), rows.texts("value"), rows.times("available_at")
    if leads is None or not rows.is_sound:
        return {}
    lead = leads.rows_of(rows.lead)
    usable = usable_rows(rows, lead, {"attribute": attribute.codes < 0, "available_at": known == NO_TIME})
    attributes = dict(leads.attributes)
    for code, name in enumerate(attribute.values.to_pylist()):
        if not rows.settings.is_read(name):
            continue
        changes = _Changes(name, usable[attribute.codes[usable] == code], lead, known, texts)
        changed = _with_changes(
            rows, attributes.get(name), changes, len(leads.ids), attribute_types.get(name)
        )
        if changed is not None:
            attributes[name] = changed
    return dict(sorted(attributes.items()))


def _with_changes(
    rows: Rows, before: Attribute | None, changes: _Changes, leads_count: int, given: AttributeType | None
) -> Attribute | None:
    """Adds its changes to an attribute; None where the attribute has neither values nor usable changes."""
    mine = changes.usable
    texts = _own_texts(changes.texts, mine)
    stated = rows.settings.format_of("leads", changes.name)
    type_ = before.type if before else given or type_of_texts(texts, rows.text_rule, stated)
    if not len(mine) or type_ is None:
        return before
    # An attribute is written in its changes as in `leads`.
    is_number = type_ == "number"
    format_ = rows.number_format(changes.name, texts.values, table="leads") if is_number else None
    values, categories, is_faulty = values_of_texts(texts, type_, rows.text_rule, format_)
    rows.report_at("D031", mine[is_faulty], column="value", expected=change_expected(type_, changes.name))
    rows.report_at("D030", mine[np.isinf(values)], column="value")
    values = np.where(np.isinf(values), np.nan, values)
    before = before or Attribute(type_, np.full(leads_count, np.nan))
    joined = tuple(sorted({*before.categories, *categories}))
    later = _recoded(values, categories, joined)
    # An empty value sorts first: of two changes at one moment, the change with a value is the last and
    # counts.
    ties = [np.where(np.isnan(later), -np.inf, later)]
    order = order_rows(changes.lead[mine], changes.known[mine], ties)
    starts = starts_of_groups(changes.lead[mine], leads_count)
    attribute = Attribute(
        type=type_,
        values=_recoded(before.values, before.categories, joined),
        categories=joined,
        changes=AttributeChanges(starts, changes.known[mine][order], later[order]),
    )
    return compact_attribute(attribute)


def _own_texts(texts: Texts, rows: Ints) -> Texts:
    """Keeps the texts of some rows: the texts of all other attributes are not read again."""
    codes, ranks = np.unique(texts.codes[rows], return_inverse=True)
    missing = int(np.searchsorted(codes, 0))
    return Texts((ranks - missing).astype(np.int32), texts.values.take(pa.array(codes[missing:])))


def _recoded(values: Floats, categories: tuple[str, ...], joined: tuple[str, ...]) -> Floats:
    """Converts codes to those of a longer list of categories; numbers stay as they are."""
    if not joined:
        return values
    code_of = {value: code for code, value in enumerate(joined)}
    codes = np.array([code_of[value] for value in categories] + [np.nan])
    return codes[np.where(np.isnan(values), -1, values).astype(np.int64)]
