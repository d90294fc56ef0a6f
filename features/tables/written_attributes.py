"""Attributes whose type was inferred from texts: cells are kept where another moment may infer another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from features.history.lead_history import (
    Attribute,
    AttributeChanges,
    AttributeType,
    Floats,
    Ints,
    WrittenCells,
)
from features.history.settings import Format
from features.history.text_rule import TextRule, float_text
from features.parsing.attribute_values import InferredType, infer_type, values_of_texts
from features.parsing.tagged_cells import TAGS, type_of_tagged
from features.parsing.text_columns import Texts, as_categories
from features.tables.row_order import order_rows, starts_of_groups


@dataclass(frozen=True, slots=True)
class InferredTexts:
    """Texts of one attribute, the type that they imply, and how the settings say that they are written.

    `is_tagged` tells whether the cells were of several types, whose letters stand before the texts.
    """

    texts: Texts
    type: InferredType
    format: Format | None = None
    is_tagged: bool = False

    def of(self, rows: Ints) -> InferredTexts:
        """Gives the texts of some rows; -1 stands for one without a text."""
        codes = np.append(self.texts.codes, np.int32(-1))[rows]
        return replace(self, texts=Texts(codes, self.texts.values))


def cells_of(attribute: Attribute) -> InferredTexts:
    """Gives the values of an attribute, whose column has the type of its cells, as cells with that type."""
    is_there = ~np.isnan(attribute.values)
    distinct, ranks = np.unique(attribute.values[is_there], return_inverse=True)
    if attribute.type == "category":
        written = [attribute.categories[int(code)] for code in distinct.tolist()]
    elif attribute.type == "number":
        written = [float_text(value) for value in distinct.tolist()]
    else:
        written = ["true" if value else "false" for value in distinct.tolist()]
    codes = np.full(len(attribute.values), -1, np.int32)
    codes[is_there] = ranks
    cells = pa.array([TAGS[attribute.type] + text for text in written], pa.string())
    return InferredTexts(Texts(codes, cells), InferredType(attribute.type), is_tagged=True)


def cells_at_creation(attribute: Attribute, rows: Ints) -> Attribute:
    """Gives an attribute without changes for some rows; -1 stands for one without a value."""
    values = np.append(attribute.values, np.nan)[rows]
    found = Attribute(attribute.type, values, attribute.categories)
    written = attribute.written
    if written is None:
        return found
    return found._replace(written=replace(written, texts=cells_at_creation(written.texts, rows), readings={}))


def as_category(attribute: Attribute, texts: Texts, *, is_tagged: bool = False) -> Attribute:
    """Reads texts as a category; `attribute` is what they were read as."""
    if attribute.type == "category" and not is_tagged:
        return attribute
    codes = as_categories(texts)
    values = np.where(codes.codes < 0, np.nan, codes.codes.astype(np.float64))
    return Attribute("category", values, codes.values)


def are_settled(inferred: Sequence[InferredType]) -> bool:
    """Tells whether an attribute has one type at every moment, by what its texts imply."""
    return all(each.is_settled for each in inferred) and len({each.type for each in inferred}) < 2


def with_written(
    attribute: Attribute, texts: Attribute, format_: Format | None, *, is_tagged: bool = False
) -> Attribute:
    """Keeps the cells of an attribute as texts.

    Args:
        attribute: as read, of the type that all of its texts imply.
        texts: the same cells read as a category.
        format_: how they are written, where the settings of the history say so.
        is_tagged: whether letters of types stand before the texts.
    """
    read = read_tagged if is_tagged else read_written
    return attribute._replace(written=WrittenCells(texts, read, format_))


def read_again(texts: Attribute, type_: AttributeType, rule: TextRule, format_: Format | None) -> Attribute:
    """Reads cells that were read as a category as the type that all cells of the history imply.

    Other moments may have inferred other types: the texts are kept. Arguments as for `read_written`.
    """
    return with_written(_as_type(texts, type_, rule, format_), texts, format_)


def read_written(
    texts: Attribute, type_: AttributeType | None, rule: TextRule, format_: Format | None
) -> Attribute | None:
    """Reads texts as values of a type.

    Args:
        texts: an attribute read as a category.
        type_: the type; None: the one that the texts at creation imply, or else those of the changes.
        rule: by which the texts are read.
        format_: how they are written; None: as they tell.

    Returns:
        As the tables read cells of these texts; None where the texts imply no type.
    """
    if type_ is not None:
        return _as_type(texts, type_, rule, format_)
    inferred = [infer_type(part, rule, format_) for part in _parts(texts) if len(part.values)]
    implied = next((each.type for each in inferred if each.type is not None), None)
    if implied is None:
        return None
    attribute = _as_type(texts, implied, rule, format_)
    return attribute if are_settled(inferred) else with_written(attribute, texts, format_)


def read_tagged(
    texts: Attribute, type_: AttributeType | None, rule: TextRule, format_: Format | None
) -> Attribute | None:
    """Reads texts with the letters of their types; see `read_written`."""
    plain = _without_tags(texts)
    if type_ is not None:
        return _as_type(plain, type_, rule, format_)
    implied = type_of_tagged(_parts(texts))
    if implied is None:
        # Only changes are left, whose cells are texts whatever their type.
        return read_written(plain, None, rule, format_)
    return with_written(_as_type(plain, implied, rule, format_), texts, format_, is_tagged=True)


def _without_tags(texts: Attribute) -> Attribute:
    plain = [text[1:] for text in texts.categories]
    categories = tuple(sorted({*plain}))
    code_of = {text: code for code, text in enumerate(categories)}
    codes = np.array([*(code_of[text] for text in plain), np.nan])

    def recoded(values: Floats) -> Floats:
        return codes[np.where(np.isnan(values), -1, values).astype(np.int64)]

    changes = texts.changes
    if changes is not None:
        # Of two changes at one moment the texts decide, not the letters.
        lead = np.repeat(np.arange(len(texts.values)), np.diff(changes.starts))
        later = recoded(changes.values)
        changes = changes_in_order(lead, changes.available_at, later, len(texts.values))
    return Attribute("category", recoded(texts.values), categories, changes)


def changes_in_order(lead: Ints, available_at: Ints, values: Floats, leads_count: int) -> AttributeChanges:
    """Sorts changes by (lead, available_at).

    An empty value sorts first: of two changes at one moment, the change with a value is the last and counts.

    Args:
        lead: (rows,) row of the lead of each change.
        available_at: (rows,) microseconds UTC.
        values: (rows,) numbers or codes, NaN where cleared.
        leads_count: number of leads.
    """
    order = order_rows(lead, available_at, [np.where(np.isnan(values), -np.inf, values)])
    return AttributeChanges(starts_of_groups(lead, leads_count), available_at[order], values[order])


def _as_type(texts: Attribute, type_: AttributeType, rule: TextRule, format_: Format | None) -> Attribute:
    if type_ == "category":
        return texts
    at_creation, *later = (_finite(values_of_texts(part, type_, rule, format_)[0]) for part in _parts(texts))
    if texts.changes is None:
        return Attribute(type_, at_creation)
    leads_count = len(at_creation)
    lead = np.repeat(np.arange(leads_count), np.diff(texts.changes.starts))
    changes = changes_in_order(lead, texts.changes.available_at, later[0], leads_count)
    return Attribute(type_, at_creation, changes=changes)


def _parts(texts: Attribute) -> list[Texts]:
    """Gives the texts at creation and, if there are any, those of the changes."""
    columns = [texts.values] if texts.changes is None else [texts.values, texts.changes.values]
    return [_texts(column, texts.categories) for column in columns]


def _texts(codes: Floats, categories: tuple[str, ...]) -> Texts:
    """Gives the texts that occur among codes of categories."""
    used, ranks = np.unique(np.where(np.isnan(codes), -1, codes).astype(np.int64), return_inverse=True)
    missing = int(np.searchsorted(used, 0))
    texts = pa.array([categories[code] for code in used[missing:].tolist()], pa.string())
    return Texts((ranks - missing).astype(np.int32), texts)


def _finite(values: Floats) -> Floats:
    return np.where(np.isinf(values), np.nan, values)
