"""A history in memory: leads, attributes, interactions and outcomes, each with the time it became known.

All columns are sorted so that the rows of a lead known at a moment are the first of its rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from features.history.settings import Format, HistorySettings
from features.history.text_rule import TextRule

Ints = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

AttributeType = Literal["number", "boolean", "category"]
Direction = Literal["inbound", "outbound"]

# Codes of `Interactions.direction` and `Outcomes.outcome`.
INBOUND, OUTBOUND, NO_DIRECTION = 1, -1, 0
DIRECTIONS: Final[Mapping[str, int]] = {"inbound": INBOUND, "outbound": OUTBOUND}
DIRECTION_NAMES: Final[Mapping[int, str]] = {code: name for name, code in DIRECTIONS.items()}
OPEN, CONVERTED, LOST = 0, 1, 2
OUTCOMES: Final[Mapping[str, int]] = {"converted": CONVERTED, "lost": LOST, "reopened": OPEN}

# Work of one lead or example without interactions, in interactions: for sizing partitions and chunks.
ROWS_PER_LEAD: Final = 8


class Categories(NamedTuple):
    """A column of category names as codes.

    Attributes:
        codes: (n,) index into `values`, -1 where missing.
        values: the distinct names, sorted, so that codes do not depend on the order of rows.
    """

    codes: Codes
    values: tuple[str, ...]


class Interactions(NamedTuple):
    """Interactions of groups (leads or accounts), sorted by (group, available_at, occurred_at, the rest).

    Attributes:
        starts: (groups + 1,) group i owns rows `starts[i]` to `starts[i + 1]`.
        occurred_at: (m,) microseconds UTC; never later than `available_at`.
        available_at: (m,) microseconds UTC; among those of an account, not before the creation of the lead.
        kind: kind of interaction.
        direction: (m,) int8, INBOUND, OUTBOUND or NO_DIRECTION; an empty cell has the kind's usual direction.
        channel: channel of the interaction.
        campaign: campaign it belongs to.
        value: (m,) number attached to the interaction, NaN where missing.
    """

    starts: Ints
    occurred_at: Ints
    available_at: Ints
    kind: Categories
    direction: npt.NDArray[np.int8]
    channel: Categories
    campaign: Categories
    value: Floats


@dataclass(frozen=True, slots=True)
class AttributeChanges:
    """Later values of one attribute, sorted by (lead, available_at).

    Attributes:
        starts: (leads + 1,) lead i owns rows `starts[i]` to `starts[i + 1]`.
        available_at: (m,) microseconds UTC.
        values: (m,) numbers, or codes into the attribute's `categories`; NaN where cleared.
    """

    starts: Ints
    available_at: Ints
    values: Floats


class Attribute(NamedTuple):
    """One attribute of all leads: the value at creation, and its later changes.

    Attributes:
        type: number, boolean (0 or 1) or category.
        values: (leads,) numbers, or codes into `categories`; NaN where missing.
        categories: the distinct names, sorted; empty unless a category.
        changes: values that became known later, if the history has them.
        written: its cells as texts, where another moment may infer another type from them.
    """

    type: AttributeType
    values: Floats
    categories: tuple[str, ...] = ()
    changes: AttributeChanges | None = None
    written: WrittenCells | None = None


@dataclass(frozen=True, slots=True)
class WrittenCells:
    """The cells of an attribute as texts: the type inferred from them is that of one moment.

    A text cell of a later lead must not turn the numbers of earlier leads into categories, so `known_at`
    infers the type again from the texts known then, and a feature of an earlier moment is read as its type.

    Attributes:
        texts: the attribute read as a category.
        read: reads texts as values of a type, or of the type that they imply; None where they imply none.
        format: how the column is written, where the settings of the history say so.
        readings: what was read of them so far, by type.
    """

    texts: Attribute
    read: Callable[[Attribute, AttributeType | None, TextRule, Format | None], Attribute | None]
    format: Format | None = None
    readings: dict[AttributeType, Attribute] = field(default_factory=dict, compare=False)


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Outcomes of the leads, sorted by (lead, available_at, occurred_at, outcome_id).

    The state of a lead at a moment is the outcome of its last row known then, OPEN before the first.

    Attributes:
        starts: (leads + 1,) lead i owns rows `starts[i]` to `starts[i + 1]`; most leads own one or none.
        outcome: (m,) int8, CONVERTED, LOST, or OPEN where the lead was reopened.
        occurred_at: (m,) microseconds UTC, never before the creation of the lead.
        available_at: (m,) microseconds UTC, never before `occurred_at`.
        corrected_at: (m,) when a later row with the same id became known: from then on this row does not
            count; NEVER_US where there is none.
        amount: (m,) amount of the conversion, NaN where unknown.
        has_available_at: whether the table has the column `available_at`.
    """

    starts: Ints
    outcome: npt.NDArray[np.int8]
    occurred_at: Ints
    available_at: Ints
    corrected_at: Ints
    amount: Floats
    has_available_at: bool = False


@dataclass(frozen=True, slots=True)
class Links:
    """Which leads are aliases of others, and from when on.

    Attributes:
        linked_at: (leads,) microseconds UTC from which the lead is an alias and has no row of its own;
            NEVER_US for a lead that is none.
        starts: (leads + 1,) lead i owns rows `starts[i]` to `starts[i + 1]` of the next two.
        available_at: (m,) when the lead becomes an alias, rising for each lead; more than once where its
            survivor is linked in turn.
        survivor: (m,) the lead that it is an alias of from then on.
        creation_starts: (leads + 1,) likewise, of the next two.
        creation_available_at: (k,) when a lead created earlier becomes an alias of the lead, rising.
        creation: (k,) the creation that counts for the lead from then on: the earliest, falling.
    """

    linked_at: Ints
    starts: Ints
    available_at: Ints
    survivor: Ints
    creation_starts: Ints
    creation_available_at: Ints
    creation: Ints


@dataclass(frozen=True, slots=True)
class LeadHistory:
    """A checked history; row i of every per-lead column is the lead `lead_ids[i]`.

    Attributes:
        lead_ids: (leads,) distinct, rising.
        created_at: (leads,) microseconds UTC; see `features.history.known.created_known`.
        account: (leads,) row of `account_interactions`, -1 where the lead has no account.
        attributes: by name, in the order of the names.
        interactions: grouped by lead.
        account_interactions: grouped by account, over all its leads; None where the history has no accounts.
        outcomes: of all leads.
        observed_until: last instant for which outcomes are complete, microseconds UTC.
        settings: by which its tables were read; they also say which attributes may be features.
        links: leads that are aliases of others; None where there are none.
        account_ids: (leads,) id of each lead's account, whether its interactions are known or not; None where
            no lead has one.
    """

    lead_ids: pa.Array
    created_at: Ints
    account: Codes
    attributes: Mapping[str, Attribute]
    interactions: Interactions
    account_interactions: Interactions | None
    outcomes: Outcomes
    observed_until: int
    settings: HistorySettings = field(default_factory=HistorySettings)
    links: Links | None = None
    account_ids: Categories | None = None

    @property
    def text_rule(self) -> TextRule:
        """Rule by which its cells were read."""
        return self.settings.text_rule

    @property
    def leads_count(self) -> int:
        """Number of leads."""
        return len(self.lead_ids)
