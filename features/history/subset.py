"""Removes rows from a history, as if the removed rows had never been read."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from features.history.categories import compact
from features.history.lead_history import (
    Attribute,
    AttributeChanges,
    AttributeType,
    Bools,
    Codes,
    Floats,
    Interactions,
    Ints,
    Links,
    Outcomes,
)
from features.history.text_rule import TextRule


def keep_interactions(interactions: Interactions, is_group_kept: Bools, is_row_kept: Bools) -> Interactions:
    """Keeps some rows of some groups.

    Args:
        interactions: of groups.
        is_group_kept: (groups,).
        is_row_kept: (rows,).

    Returns:
        As if only these groups and rows had been read: the categories are those that still occur.
    """
    starts, kept = _keep_segments(interactions.starts, is_group_kept, is_row_kept)
    return Interactions(
        starts=starts,
        occurred_at=interactions.occurred_at[kept],
        available_at=interactions.available_at[kept],
        kind=compact(interactions.kind.codes[kept], interactions.kind.values),
        direction=interactions.direction[kept],
        channel=compact(interactions.channel.codes[kept], interactions.channel.values),
        campaign=compact(interactions.campaign.codes[kept], interactions.campaign.values),
        value=interactions.value[kept],
    )


def keep_accounts(account: Codes, accounts_count: int) -> tuple[Codes, Bools]:
    """Renumbers the accounts of the leads that are kept.

    Args:
        account: (leads,) account of each kept lead, -1 for none.
        accounts_count: number of accounts before.

    Returns:
        (leads,) new numbers and (accounts_count,) which accounts are kept.
    """
    is_kept = np.zeros(accounts_count + 1, np.bool_)
    is_kept[account] = True
    is_kept[-1] = False
    ranks = (np.cumsum(is_kept) - 1).astype(np.int32)
    ranks[-1] = -1
    return ranks[account], is_kept[:-1]


def keep_attributes(
    attributes: Mapping[str, Attribute],
    is_lead_kept: Bools,
    are_changes_kept: Callable[[Ints], Bools],
    text_rule: TextRule,
) -> dict[str, Attribute]:
    """Keeps the attribute values of some leads; an attribute without any value left is removed.

    Args:
        attributes: by name.
        is_lead_kept: (leads,).
        are_changes_kept: gives from the (rows,) moments `available_at` of changes which of them are kept. An
            attribute and its cells as texts may have other changes: a cell that is no number is no value.
        text_rule: by which a type is inferred again from the cells that are kept.
    """
    kept: dict[str, Attribute] = {}
    for name, attribute in attributes.items():
        if attribute.written is None:
            found: Attribute | None = _keep_attribute(attribute, is_lead_kept, are_changes_kept)
        else:
            texts = _keep_attribute(attribute.written.texts, is_lead_kept, are_changes_kept)
            found = attribute.written.read(texts, None, text_rule, attribute.written.format)
        if found is not None and has_values(found):
            kept[name] = found
    return kept


def attribute_as(attribute: Attribute, type_: AttributeType, text_rule: TextRule) -> Attribute:
    """Reads an attribute as a type that an earlier moment inferred; as it is where it has no texts."""
    written = attribute.written
    if written is None or attribute.type == type_:
        return attribute
    if type_ not in written.readings:
        found = written.read(written.texts, type_, text_rule, written.format)
        written.readings[type_] = found or attribute
    return written.readings[type_]


def has_values(attribute: Attribute) -> bool:
    """Tells whether any lead has a value, at creation or later."""
    changes = attribute.changes
    return not np.isnan(attribute.values).all() or (
        changes is not None and not np.isnan(changes.values).all()
    )


def keep_outcomes(outcomes: Outcomes, is_lead_kept: Bools, is_row_kept: Bools) -> Outcomes:
    """Keeps some outcomes of some leads.

    Args:
        outcomes: of leads.
        is_lead_kept: (leads,).
        is_row_kept: (rows,).
    """
    starts, kept = _keep_segments(outcomes.starts, is_lead_kept, is_row_kept)
    return Outcomes(
        starts=starts,
        outcome=outcomes.outcome[kept],
        occurred_at=outcomes.occurred_at[kept],
        available_at=outcomes.available_at[kept],
        corrected_at=outcomes.corrected_at[kept],
        amount=outcomes.amount[kept],
        has_available_at=outcomes.has_available_at,
    )


def keep_links(links: Links, is_lead_kept: Bools, is_row_kept: Bools, is_creation_kept: Bools) -> Links:
    """Keeps some links of some leads; the survivors of those that are kept are kept, too.

    Args:
        links: of leads.
        is_lead_kept: (leads,).
        is_row_kept: (rows,) which changes of survivor are kept.
        is_creation_kept: (creations,).
    """
    starts, kept = _keep_segments(links.starts, is_lead_kept, is_row_kept)
    creation_starts, creation_kept = _keep_segments(links.creation_starts, is_lead_kept, is_creation_kept)
    return Links(
        linked_at=links.linked_at[is_lead_kept],
        starts=starts,
        available_at=links.available_at[kept],
        survivor=(np.cumsum(is_lead_kept) - 1)[links.survivor[kept]],
        creation_starts=creation_starts,
        creation_available_at=links.creation_available_at[creation_kept],
        creation=links.creation[creation_kept],
    )


def compact_attribute(attribute: Attribute) -> Attribute:
    """Keeps the categories that occur, at creation or in a change."""
    if attribute.type != "category":
        return attribute
    changes = attribute.changes
    later = np.empty(0) if changes is None else changes.values
    both, categories = _compact_numbers(np.concatenate((attribute.values, later)), attribute.categories)
    values, later = both[: len(attribute.values)], both[len(attribute.values) :]
    if changes is not None:
        changes = AttributeChanges(changes.starts, changes.available_at, later)
    return Attribute("category", values, categories, changes)


def _keep_attribute(
    attribute: Attribute, is_lead_kept: Bools, are_changes_kept: Callable[[Ints], Bools]
) -> Attribute:
    changes = attribute.changes
    if changes is not None:
        starts, kept = _keep_segments(changes.starts, is_lead_kept, are_changes_kept(changes.available_at))
        changes = (
            AttributeChanges(starts, changes.available_at[kept], changes.values[kept]) if starts[-1] else None
        )
    values = attribute.values[is_lead_kept]
    return compact_attribute(Attribute(attribute.type, values, attribute.categories, changes))


def _keep_segments(starts: Ints, is_group_kept: Bools, is_row_kept: Bools) -> tuple[Ints, Bools]:
    """Finds the new starts of the groups, and which rows are kept."""
    sizes = np.diff(starts)
    kept = is_row_kept & np.repeat(is_group_kept, sizes)
    before = np.concatenate(([0], np.cumsum(kept, dtype=np.int64)))
    remaining = (before[starts[1:]] - before[starts[:-1]])[is_group_kept]
    return np.concatenate(([0], np.cumsum(remaining, dtype=np.int64))), kept


def _compact_numbers(codes: Floats, categories: tuple[str, ...]) -> tuple[Floats, tuple[str, ...]]:
    is_missing = np.isnan(codes)
    kept = compact(np.where(is_missing, -1, codes).astype(np.int32), categories)
    return np.where(is_missing, np.nan, kept.codes.astype(np.float64)), kept.values
