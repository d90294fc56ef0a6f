"""SHA-256 digests of a history's content: equal for equal rows, in any row order and any file format."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from features.history.lead_history import Attribute, Categories, Interactions, LeadHistory, Links, Outcomes

# Input of a digest: arrays as their bytes, texts as JSON, each preceded by its length.
Part = npt.NDArray[Any] | tuple[str, ...]


def digest_history(history: LeadHistory) -> dict[str, str]:
    """Computes the SHA-256 of each table's content: of the arrays that features are computed from.

    Returns:
        Lower-case hex by table: leads (with their attribute changes), interactions, outcomes; and
        lead_aliases, where leads are aliases of others. The rows of aliases are among those of their leads.
    """
    digests = {
        "leads": _digest(_lead_parts(history)),
        "interactions": _digest(_interaction_parts(history.interactions)),
        "outcomes": _digest(_outcome_parts(history.outcomes)),
    }
    if history.links is not None:
        digests["lead_aliases"] = _digest(_link_parts(history.links))
    return digests


def _digest(parts: Iterator[Part]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        content = (
            json.dumps(part).encode()
            if isinstance(part, tuple)
            else np.ascontiguousarray(part).data.cast("B")
        )
        digest.update(len(content).to_bytes(8, "little"))
        digest.update(content)
    return digest.hexdigest()


def _lead_parts(history: LeadHistory) -> Iterator[Part]:
    yield tuple(history.lead_ids.to_pylist())
    yield history.created_at
    yield history.account
    for name, attribute in sorted(history.attributes.items()):
        yield (name, attribute.type, *attribute.categories)
        yield from _attribute_parts(attribute)


def _attribute_parts(attribute: Attribute) -> Iterator[Part]:
    yield attribute.values
    if attribute.changes is not None:
        yield attribute.changes.starts
        yield attribute.changes.available_at
        yield attribute.changes.values


def _interaction_parts(interactions: Interactions) -> Iterator[Part]:
    yield interactions.starts
    yield interactions.occurred_at
    yield interactions.available_at
    yield interactions.direction
    yield interactions.value
    for categories in (interactions.kind, interactions.channel, interactions.campaign):
        yield from _category_parts(categories)


def _category_parts(categories: Categories) -> Iterator[Part]:
    yield categories.values
    yield categories.codes


def _link_parts(links: Links) -> Iterator[Part]:
    yield links.linked_at
    yield links.starts
    yield links.available_at
    yield links.survivor
    yield links.creation_starts
    yield links.creation_available_at
    yield links.creation


def _outcome_parts(outcomes: Outcomes) -> Iterator[Part]:
    yield outcomes.starts
    yield outcomes.outcome
    yield outcomes.occurred_at
    yield outcomes.available_at
    yield outcomes.corrected_at
    yield outcomes.amount
