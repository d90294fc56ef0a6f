"""Reads the table `attribute_changes`: attribute values that became known after the lead was created."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from features.findings.input_codes import change_expected
from features.history.lead_history import Attribute, AttributeType, Floats, Ints
from features.history.settings import Format
from features.history.subset import compact_attribute
from features.history.text_rule import TextRule
from features.parsing.attribute_values import InferredType, infer_type, values_of_texts
from features.parsing.tagged_cells import UNTYPED, type_of_tagged, with_tag
from features.parsing.text_columns import Texts
from features.parsing.time_columns import NO_TIME
from features.tables.lead_rows import Leads, without_tags
from features.tables.outcome_days import NO_OUTCOME_DAYS, OutcomeDays
from features.tables.table_reader import Rows, usable_rows
from features.tables.written_attributes import (
    InferredTexts,
    are_settled,
    as_category,
    cells_of,
    changes_in_order,
    with_written,
)


@dataclass(slots=True)
class _Changes:
    """Changes of one attribute: the usable rows, and lead, time and text of every row of the table.

    `cells` are the texts with the letters of their types, where the column has them. What is told from the
    texts is told once.
    """

    name: str
    usable: Ints
    lead: Ints
    known: Ints
    texts: Texts
    cells: Texts | None = None
    _own: Texts | None = field(default=None, init=False)
    _type: InferredType | None = field(default=None, init=False)

    @property
    def own_texts(self) -> Texts:
        """The texts of the usable rows."""
        if self._own is None:
            self._own = _own_texts(self.texts, self.usable)
        return self._own

    def inferred(self, rule: TextRule, stated: Format | None) -> InferredType:
        """The type that the texts of the usable rows imply."""
        if self._type is None:
            self._type = infer_type(self.own_texts, rule, stated)
        return self._type

    @property
    def own_cells(self) -> Texts | None:
        """The cells of the usable rows, where one of them has a type."""
        cells = None if self.cells is None else _own_texts(self.cells, self.usable)
        return None if cells is None or type_of_tagged([cells]) is None else cells


def read_changes(
    rows: Rows,
    leads: Leads | None,
    *,
    attribute_types: Mapping[str, AttributeType],
    days: OutcomeDays = NO_OUTCOME_DAYS,
) -> dict[str, Attribute]:
    """Reads the changes, reports findings and adds the changes to the attributes.

    Args:
        rows: the table.
        leads: the leads; None where they could not be read: then only the columns are checked.
        attribute_types: types by attribute name; other types are inferred from the values.
        days: of outcomes that have a date only: changes of these days are known after them.

    Returns:
        All attributes, including those that have values only here; none where a finding stops everything.
    """
    rows, cells = without_tags(rows, "value")
    attribute, texts, known = rows.texts("attribute"), rows.texts("value"), rows.times("available_at")
    if leads is None or not rows.is_sound:
        return {}
    lead = leads.rows_of(rows.lead)
    usable = usable_rows(rows, lead, {"attribute": attribute.codes < 0, "available_at": known == NO_TIME})
    known = days.known_after(lead, known, known)
    attributes = dict(leads.attributes)
    of_attributes = _by_code(usable, attribute)
    for name, mine in zip(attribute.values.to_pylist(), of_attributes, strict=True):
        if not rows.settings.is_read(name):
            continue
        changes = _Changes(name, mine, lead, known, texts, cells)
        changed = _with_changes(rows, name, changes, leads, attribute_types.get(name))
        if changed is None:
            continue
        before = leads.inferred.get(name)
        if before is None and name in attributes and leads.types_are_of_cells:
            before = cells_of(attributes[name])
        is_declared = name in attribute_types or (name in attributes and before is None)
        attributes[name] = changed if is_declared else _with_texts(rows, changed, before, changes)
    return dict(sorted(attributes.items()))


def _by_code(usable: Ints, attribute: Texts) -> list[Ints]:
    """Divides the usable rows by their attribute, in one pass: there may be thousands of attributes."""
    codes = attribute.codes[usable]
    order = np.argsort(codes, kind="stable")
    ends = np.searchsorted(codes[order], np.arange(1, len(attribute.values)))
    return np.split(usable[order], ends) if len(attribute.values) else []


def _with_changes(
    rows: Rows, name: str, changes: _Changes, leads: Leads, given: AttributeType | None
) -> Attribute | None:
    """Adds its changes to an attribute; None where the attribute has neither values nor usable changes."""
    mine, before = changes.usable, leads.attributes.get(name)
    texts = changes.own_texts
    stated = rows.settings.format_of("leads", changes.name)
    type_ = before.type if before else given or _implied(changes, rows.text_rule, stated)
    if not len(mine) or type_ is None:
        return before
    # An attribute is written in its changes as in `leads`.
    is_number = type_ == "number"
    format_ = rows.number_format(changes.name, texts.values, table="leads") if is_number else None
    values, categories, is_faulty = values_of_texts(texts, type_, rows.text_rule, format_)
    rows.report_at("D031", mine[is_faulty], column="value", expected=change_expected(type_, changes.name))
    rows.report_at("D030", mine[np.isinf(values)], column="value")
    values = np.where(np.isinf(values), np.nan, values)
    before = before or _at_creation(rows, leads, name, type_)
    return _joined(before, changes, values, categories)


def _implied(changes: _Changes, rule: TextRule, stated: Format | None) -> AttributeType | None:
    """Infers the type from the cells, or from their texts alone where these have no types."""
    cells = changes.own_cells
    return changes.inferred(rule, stated).type if cells is None else type_of_tagged([cells])


def _at_creation(rows: Rows, leads: Leads, name: str, type_: AttributeType) -> Attribute:
    """Reads the cells of `leads` as the type that only the changes imply: they are times, or empty."""
    if name not in leads.inferred:
        return Attribute(type_, np.full(len(leads.ids), np.nan))
    inferred = leads.inferred[name]
    values, categories, _ = values_of_texts(inferred.texts, type_, rows.text_rule, inferred.format)
    return Attribute(type_, values, categories)


def _with_texts(rows: Rows, changed: Attribute, before: InferredTexts | None, changes: _Changes) -> Attribute:
    """Keeps the cells of an attribute with changes as texts, where another moment may infer another type."""
    texts = changes.own_texts
    stated = rows.settings.format_of("leads", changes.name)
    inferred = [changes.inferred(rows.text_rule, stated)] if len(texts.values) else []
    if before is not None:
        inferred.append(before.type)
    cells = changes.own_cells
    is_tagged = cells is not None or (before is not None and before.is_tagged)
    if are_settled(inferred) and cells is None:
        return changed
    whole = changed
    if changed.type != "category" or is_tagged:
        nothing = Attribute("category", np.full(len(changed.values), np.nan))
        at_creation = nothing if before is None else as_category(changed, before.texts, is_tagged=is_tagged)
        texts = cells or (with_tag(texts, UNTYPED) if is_tagged else texts)
        values, categories, _ = values_of_texts(texts, "category", rows.text_rule)
        whole = _joined(at_creation, changes, values, categories)
    return with_written(changed, whole, stated, is_tagged=is_tagged)


def _joined(before: Attribute, changes: _Changes, values: Floats, categories: tuple[str, ...]) -> Attribute:
    """Adds changes, given as values of the attribute's type."""
    joined = tuple(sorted({*before.categories, *categories}))
    mine, later = changes.usable, _recoded(values, categories, joined)
    attribute = Attribute(
        type=before.type,
        values=_recoded(before.values, before.categories, joined),
        categories=joined,
        changes=changes_in_order(changes.lead[mine], changes.known[mine], later, len(before.values)),
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
