"""What a model reads of a history, and what a history has of it: columns, values and kinds.

Counts of partitions are added up; `features.checks.input_findings` compares them once.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

import numpy as np

from features.catalog.measures import MEASURES
from features.catalog.spec import Feature
from features.engine.selections import OF_CHANNELS, OF_VALUES
from features.history.kinds import DIRECTION_OF_KIND
from features.history.known import is_known
from features.history.lead_history import NO_DIRECTION, AttributeType, LeadHistory

CHANNEL, CAMPAIGN, VALUE, DIRECTION = "channel", "campaign", "value", "direction"
# Tables of which a training may have had rows, and rows that were known at the moment of a scoring.
OUTCOMES, CHANGES, KNOWN = "outcomes", "attribute_changes", "known interactions"
# Measures that tell by themselves who turned to whom.
_OF_DIRECTIONS: Final = frozenset({"unanswered_outbound_streak", "hours_to_first_reply"})
NAMES_SHOWN: Final = 3


@dataclass(frozen=True, slots=True)
class ModelInputs:
    """What a model reads of a history.

    Attributes:
        attributes: types by attribute name.
        categories: by attribute that is a category, the values that the model knows.
        kinds: of interactions, that a feature names.
        kind_shares: by kind, the least share of the examples of the training that had it, where known.
        columns: of `interactions`, besides those that are required.
        channels: of interactions, that the model knows.
        reads_interactions: whether any feature is measured over interactions.
        reads_account: whether a feature is measured over the whole account.
        reads_direction: whether any feature depends on who turned to whom.
        training_rows: what `InputCounts.rows` was in the training, for each of its leads; empty: unknown.
    """

    attributes: Mapping[str, AttributeType]
    categories: Mapping[str, frozenset[str]] = field(default_factory=dict)
    kinds: frozenset[str] = frozenset()
    kind_shares: Mapping[str, float] = field(default_factory=dict)
    columns: tuple[str, ...] = ()
    channels: frozenset[str] = frozenset()
    reads_interactions: bool = False
    reads_account: bool = False
    reads_direction: bool = False
    training_rows: Mapping[str, float] = field(default_factory=dict)


def inputs_of_features(
    features: Collection[Feature],
    *,
    categories: Mapping[str, Collection[str]],
    kind_shares: Mapping[str, float],
) -> ModelInputs:
    """Collects what some features read.

    Args:
        features: those that the model uses.
        categories: by name of a feature that is a category, the values that the model knows.
        kind_shares: see `ModelInputs`.
    """
    measures = {feature.measure for feature in features}
    channels = {feature.channel for feature in features if feature.channel}
    reads = {
        CHANNEL: bool(channels) or not measures.isdisjoint(OF_CHANNELS | {"distinct_channels"}),
        CAMPAIGN: "distinct_campaigns" in measures,
        VALUE: not measures.isdisjoint(OF_VALUES),
    }
    return ModelInputs(
        attributes={feature.attribute: feature.type for feature in features if feature.attribute},
        categories={
            feature.attribute: frozenset(categories[feature.name])
            for feature in features
            if feature.attribute and feature.name in categories
        },
        kinds=frozenset(kind for feature in features for kind in (*feature.kinds, *feature.before_kinds)),
        kind_shares=kind_shares,
        columns=tuple(column for column, is_read in reads.items() if is_read),
        channels=frozenset(channels).union(
            *(categories.get(feature.name, ()) for feature in features if feature.measure in OF_CHANNELS)
        ),
        reads_interactions=any(MEASURES[measure].of_interactions for measure in measures),
        reads_account=any(feature.scope == "account" for feature in features),
        reads_direction=any(feature.direction for feature in features)
        or not measures.isdisjoint(_OF_DIRECTIONS),
    )


@dataclass(frozen=True, slots=True)
class InputCounts:
    """What a history, or one partition of it, has of the inputs of a model.

    Attributes:
        leads: number of leads.
        interactions: number of interactions of these leads.
        filled: by attribute or column, the number of cells with a value.
        known: by attribute that is a category, and for the channel, the number of cells with a value that the
            model knows.
        kinds: interactions by kind, of the kinds that the model knows and those that read like one of them.
        foreign: a few kinds that neither the model nor the built-in vocabulary knows, rising.
        rows: interactions whose direction is not the usual one of their kind, outcomes, changes of
            attributes that the model reads, and interactions known at the moment of the scoring.
    """

    leads: int = 0
    interactions: int = 0
    filled: Mapping[str, int] = field(default_factory=dict)
    known: Mapping[str, int] = field(default_factory=dict)
    kinds: Mapping[str, int] = field(default_factory=dict)
    foreign: tuple[str, ...] = ()
    rows: Mapping[str, int] = field(default_factory=dict)

    def merged(self, other: InputCounts) -> InputCounts:
        """Adds the counts of another partition."""
        return InputCounts(
            self.leads + other.leads,
            self.interactions + other.interactions,
            dict(Counter(self.filled) + Counter(other.filled)),
            dict(Counter(self.known) + Counter(other.known)),
            dict(Counter(self.kinds) + Counter(other.kinds)),
            few_kinds([*self.foreign, *other.foreign]),
            dict(Counter(self.rows) + Counter(other.rows)),
        )

    def to_json(self) -> dict[str, Any]:
        """Writes the counts as a JSON object."""
        return asdict(self)

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> InputCounts:
        """Reads what `to_json` wrote."""
        return cls(**{**record, "foreign": tuple(record["foreign"])})


NO_COUNTS: Final = InputCounts()


def count_inputs(inputs: ModelInputs, history: LeadHistory, *, as_of: int | None = None) -> InputCounts:
    """Counts what a history has of the inputs of a model.

    Args:
        inputs: of the model.
        history: or a partition of one.
        as_of: moment of the scoring, microseconds UTC; None: rows that are not known yet count as known.
    """
    rows = history.interactions
    filled = {
        "account_id": int((history.account >= 0).sum()),
        CHANNEL: int((rows.channel.codes >= 0).sum()),
        CAMPAIGN: int((rows.campaign.codes >= 0).sum()),
        VALUE: int(np.isfinite(rows.value).sum()),
    }
    # An attribute may have the name of a column of another table.
    filled = {f"column {name}": count for name, count in filled.items()}
    is_channel = np.array([channel in inputs.channels for channel in rows.channel.values], dtype=np.bool_)
    known = {f"column {CHANNEL}": int(is_channel[rows.channel.codes[rows.channel.codes >= 0]].sum())}
    for name in inputs.attributes.keys() & history.attributes.keys():
        attribute = history.attributes[name]
        cells = (
            attribute.values
            if attribute.changes is None
            else np.append(attribute.values, attribute.changes.values)
        )
        cells = cells[~np.isnan(cells)]
        filled[name] = len(cells)
        if name in inputs.categories and attribute.type == "category":
            is_known = np.array([value in inputs.categories[name] for value in attribute.categories])
            known[name] = int(is_known[cells.astype(np.int64)].sum()) if len(cells) else 0
    kinds = dict(zip(rows.kind.values, np.bincount(rows.kind.codes, minlength=0).tolist(), strict=False))
    spellings = {spelling(kind) for kind in inputs.kinds}
    return InputCounts(
        history.leads_count,
        len(rows.occurred_at),
        filled,
        known,
        {kind: count for kind, count in kinds.items() if count and spelling(kind) in spellings},
        few_kinds(
            kind
            for kind, count in kinds.items()
            if count and spelling(kind) not in spellings and kind not in DIRECTION_OF_KIND
        ),
        _count_rows(inputs, history, as_of),
    )


def _count_rows(inputs: ModelInputs, history: LeadHistory, as_of: int | None) -> dict[str, int]:
    """Counts the rows that any sound history has where the training had them; see `InputCounts`."""
    interactions = history.interactions
    usual = [DIRECTION_OF_KIND.get(kind, NO_DIRECTION) for kind in (*interactions.kind.values, "")]
    changes = [
        history.attributes[name].changes for name in inputs.attributes.keys() & history.attributes.keys()
    ]
    known = interactions.available_at
    return {
        DIRECTION: int((interactions.direction != np.array(usual)[interactions.kind.codes]).sum()),
        OUTCOMES: len(history.outcomes.outcome),
        CHANGES: sum(len(each.values) for each in changes if each is not None),
        KNOWN: len(known) if as_of is None else int(is_known(known, as_of).sum()),
    }


def spelling(name: str) -> str:
    """Writes a name without case and separators.

    >>> spelling("Email Opened"), spelling("email_opened")
    ('emailopened', 'emailopened')
    """
    return re.sub(r"[\W_]+", "", name.casefold())


def few_kinds(names: Iterable[str]) -> tuple[str, ...]:
    """Gives the first few of some kinds, rising."""
    return tuple(sorted(set(names))[:NAMES_SHOWN])
