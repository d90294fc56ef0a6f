"""Reads the table `leads`: ids, creation times, accounts and the attribute values at creation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.history.joins import Joins
from features.history.lead_history import Attribute, AttributeType, Bools, Categories, Floats, Ints
from features.history.settings import NUMBER_FORMATS, stated_line
from features.parsing.attribute_values import InferredType, infer_type, type_of_column, values_of_texts
from features.parsing.number_columns import as_numbers
from features.parsing.tagged_cells import TAGGED, storage_of, type_of_tagged
from features.parsing.text_columns import Texts, as_categories, as_texts, distinct_texts, type_name
from features.parsing.time_columns import NO_TIME
from features.tables.formats import cell_to_show
from features.tables.schema import OPTIONAL, REQUIRED
from features.tables.table_reader import Rows
from features.tables.written_attributes import InferredTexts, as_category, with_written


@dataclass(frozen=True, slots=True)
class Leads:
    """The leads, sorted by id.

    Attributes:
        ids: (leads,) distinct texts.
        created_at: (leads,) microseconds UTC.
        account: account of each lead; None where the table has no accounts.
        attributes: values at creation, by name in order of names.
        columns: names of the attribute columns, including columns without any value.
        joins: which leads the rows under each id belong to, where there are aliases. The leads then include
            the aliases that are no leads, without values and created before everything else.
        is_lead: (leads,) whether the id is in the table; None: all are.
        inferred: texts of the attributes whose type was inferred from them.
        types_are_of_cells: whether the others have the type of their cells.
    """

    ids: pa.Array
    created_at: Ints
    account: Categories | None
    attributes: Mapping[str, Attribute]
    columns: tuple[str, ...]
    joins: Joins | None = None
    is_lead: Bools | None = None

    @property
    def seen_from(self) -> Ints:
        """(leads,) when rows under each id can be known to belong to any lead at the earliest."""
        return self.created_at if self.joins is None else self.joins.seen_from

    inferred: Mapping[str, InferredTexts] = field(default_factory=dict)
    types_are_of_cells: bool = False

    def rows_of(self, texts: Texts) -> Ints:
        """Finds the row of the lead with each id, -1 where there is none."""
        rows = pc.index_in(texts.values, self.ids).fill_null(-1).to_numpy()
        return np.append(rows, -1)[texts.codes].astype(np.int64)


def read_leads(
    rows: Rows,
    *,
    attribute_types: Mapping[str, AttributeType],
    is_typed: bool,
    types_are_of_cells: bool = False,
) -> Leads | None:
    """Reads the leads and reports findings.

    Args:
        rows: the table.
        attribute_types: types by attribute name; other types are inferred from the values.
        is_typed: whether the columns have types; else types are inferred from the texts.
        types_are_of_cells: whether a column has the type of its cells.

    Returns:
        None where a finding stops everything.
    """
    created_at = rows.times("created_at")
    account = rows.texts("account_id")
    # Without a required column, any other may be the one that is meant.
    lacks_columns = not {*REQUIRED["leads"]} <= {*rows.columns.column_names}
    attributes, untyped, inferred = (
        ({}, (), {})
        if lacks_columns
        else read_attributes(
            rows, attribute_types=attribute_types, is_typed=is_typed, types_are_of_cells=types_are_of_cells
        )
    )
    if rows.is_sound:
        rows.report("D011", created_at == NO_TIME, column="created_at")
        rows.report("D011", rows.lead.codes < 0, column="lead_id")
    _report_duplicates(rows)
    if not rows.is_sound:
        return None
    made = _sorted(rows, created_at, account, attributes, inferred, (*attributes, *untyped))
    return replace(made, types_are_of_cells=types_are_of_cells)


def _report_duplicates(rows: Rows) -> None:
    counts = np.bincount(rows.lead.codes + 1)[1:]
    if (counts > 1).any():
        ids = rows.lead.values.filter(pa.array(counts > 1)).to_pylist()
        rows.findings.add("D012", table="leads", column="lead_id", count=len(ids), ids=ids)


def _sorted(
    rows: Rows,
    created_at: Ints,
    account: Texts,
    attributes: Mapping[str, Attribute],
    inferred: Mapping[str, InferredTexts],
    columns: tuple[str, ...],
) -> Leads:
    ids = rows.lead.values.take(pa.array(rows.lead.codes))
    order = pc.sort_indices(ids).to_numpy().astype(np.int64)
    accounts = as_categories(Texts(account.codes[order], account.values))
    texts = {name: each.of(order) for name, each in inferred.items()}
    return Leads(
        ids=ids.take(pa.array(order)),
        created_at=created_at[order],
        account=accounts if "account_id" in rows.columns.column_names else None,
        attributes={
            name: _with_texts(
                Attribute(attribute.type, attribute.values[order], attribute.categories), texts.get(name)
            )
            for name, attribute in attributes.items()
        },
        columns=columns,
        inferred=texts,
    )


def _with_texts(attribute: Attribute, inferred: InferredTexts | None) -> Attribute:
    return (
        attribute
        if inferred is None or inferred.type.is_settled
        else with_written(
            attribute,
            as_category(attribute, inferred.texts, is_tagged=inferred.is_tagged),
            inferred.format,
            is_tagged=inferred.is_tagged,
        )
    )


# A category that differs for nearly every lead: at least this many values, and this share of filled cells.
_OWN_VALUES: Final = 100
_OWN_SHARE: Final = 0.9


def read_attributes(
    rows: Rows,
    *,
    attribute_types: Mapping[str, AttributeType],
    is_typed: bool,
    types_are_of_cells: bool,
) -> tuple[dict[str, Attribute], tuple[str, ...], dict[str, InferredTexts]]:
    """Reads the attribute values at creation.

    Args:
        rows: the table `leads`.
        attribute_types: types by attribute name; other types are inferred from the values.
        is_typed: whether the columns have types; else types are inferred from the texts.
        types_are_of_cells: whether a column has the type of its cells, of which missing ones have none.

    Returns:
        Attributes by name, in the order of the rows; the names of the columns with neither a value nor a
        type: their changes may bring both; and the texts of the attributes whose type they imply.
    """
    attributes: dict[str, Attribute] = {}
    untyped: list[str] = []
    inferred: dict[str, InferredTexts] = {}
    cells: InferredTexts | None
    for name in sorted({*rows.columns.column_names} - {*REQUIRED["leads"], *OPTIONAL["leads"]}):
        if not rows.settings.is_read(name):
            continue
        type_ = attribute_types.get(name)
        rows, tagged = without_tags(rows, name)
        cells = _implied(rows, name, tagged, is_typed=is_typed) if tagged or not type_ else None
        column = rows.columns[name]
        if type_ is None and cells is not None:
            if not len(cells.texts.values):
                untyped.append(name)
                continue
            inferred[name], type_ = cells, cells.type.type
        elif type_ is None:
            type_ = type_of_column(column)
            type_ = _as_stated(rows, name, type_)
        attribute = _read_attribute(rows, name, type_)
        if attribute is None:
            present = f"of type {type_name(column.type)}" if is_typed else "a time"
            rows.findings.add("D034", table="leads", column=name, present=present)
        elif types_are_of_cells and name not in attribute_types and np.isnan(attribute.values).all():
            untyped.append(name)
        else:
            attributes[name] = attribute
            _report_variety(rows, name, attribute)
    return attributes, tuple(untyped), inferred


def _implied(rows: Rows, name: str, cells: Texts | None, *, is_typed: bool) -> InferredTexts | None:
    """Gives the texts of a column without a type and the type that they imply; None where it has a type.

    Cells with the letters of their types imply it by these.
    """
    column = rows.columns[name]
    stated = rows.settings.format_of("leads", name)
    if cells is not None:
        type_ = type_of_tagged([cells])
        return InferredTexts(cells, InferredType(type_, is_settled=False), stated, is_tagged=True)
    if is_typed and not pa.types.is_null(column.type):
        return None
    texts = as_texts(column, rows.text_rule)
    if texts is None:
        return None
    return InferredTexts(texts, infer_type(texts, rows.text_rule, stated), stated)


def _as_stated(rows: Rows, name: str, type_: AttributeType | None) -> AttributeType | None:
    """Takes texts for numbers where the settings say how those are written; reports others like numbers."""
    if type_ != "category":
        return type_
    if rows.settings.format_of("leads", name) in NUMBER_FORMATS:
        return "number"
    texts = as_texts(rows.columns[name], rows.text_rule)
    if texts is not None and len(texts.values) and infer_type(texts, rows.text_rule).type == "number":
        line, other = stated_line("leads", name, NUMBER_FORMATS[0]), f'"{NUMBER_FORMATS[1]}"'
        cell = cell_to_show(name, pa.chunked_array([texts.values]))
        rows.findings.add("D109", table="leads", column=name, cell=cell, line=line, other=other)
    return type_


def without_tags(rows: Rows, name: str) -> tuple[Rows, Texts | None]:
    """Gives the table with the plain texts of a column of several types, and its cells with their letters.

    Of any other column, the table as it is and None.
    """
    if name not in rows.columns.column_names or rows.columns[name].type != TAGGED:
        return rows, None
    texts = storage_of(rows.columns[name])
    place = rows.columns.column_names.index(name)
    columns = rows.columns.set_column(place, name, pc.utf8_slice_codeunits(texts, 1))
    return replace(rows, columns=columns), distinct_texts(texts)


def _read_attribute(rows: Rows, name: str, type_: AttributeType | None) -> Attribute | None:
    """Reads one column; None where it cannot be an attribute."""
    column = rows.columns[name]
    if type_ is None:
        return None
    if type_ != "category" and type_of_column(column) in ("number", "boolean"):
        numbers = as_numbers(column, rows.text_rule)
        return None if numbers is None else Attribute(type_, _sound(rows, name, type_, *numbers))
    texts = as_texts(column, rows.text_rule)
    if texts is None:
        return None
    format_ = rows.number_format(name, texts.values) if type_ == "number" else None
    values, categories, is_faulty = values_of_texts(texts, type_, rows.text_rule, format_)
    return Attribute(type_, _sound(rows, name, type_, values, is_faulty), categories)


def _sound(rows: Rows, name: str, type_: AttributeType, values: Floats, is_faulty: Bools) -> Floats:
    """Reports cells that are not a value of the type, and makes them missing."""
    if type_ == "number":
        return rows.finite(name, values, is_faulty)
    if type_ == "boolean":
        is_other = ~(np.isnan(values) | (values == 0) | (values == 1))
        rows.report("D031", is_faulty | is_other, column=name, expected=type_)
        return np.where(is_other, np.nan, values)
    return values


def _report_variety(rows: Rows, name: str, attribute: Attribute) -> None:
    is_filled = ~np.isnan(attribute.values)
    filled, distinct = int(is_filled.sum()), len(np.unique(attribute.values[is_filled]))
    if distinct == 1 and filled == len(rows) > 1:
        rows.findings.add("D033", table="leads", column=name)
    if attribute.type == "category" and distinct >= _OWN_VALUES and distinct >= _OWN_SHARE * filled:
        rows.findings.add("D035", table="leads", column=name, count=distinct)
