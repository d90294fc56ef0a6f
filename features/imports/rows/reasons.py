"""Why a row of a source is no row of the history: one entry a reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason.

    Attributes:
        sentence: why such rows are left out.
        is_refused: whether the row should have been one: the command then ends with 3.
    """

    sentence: str
    is_refused: bool = False


REASONS: Final[Mapping[str, Reason]] = MappingProxyType(
    {
        "older": Reason("another row of the same, of which one is taken"),
        "no_partner": Reason("no row of an inner join"),
        "no_element": Reason("an empty list"),
        "where": Reason("the `where` of the map does not hold for them"),
        "deleted": Reason("deleted at the source"),
        "erased": Reason("of a person who asked to be forgotten"),
        "not_closed": Reason("without an outcome"),
        "no_meaning": Reason("a value that the map gives no meaning"),
        "not_closed_before": Reason("reopened, but not closed before"),
        "later_block": Reason("a lead that an earlier block has"),
        "no_lead": Reason("of no lead"),
        "unplanned": Reason("in the future, and when it was planned is not known"),
        "no_id": Reason("without an id of a lead", is_refused=True),
        "no_kind": Reason("without a kind", is_refused=True),
        "no_attribute": Reason("without the name of an attribute", is_refused=True),
        "without_time": Reason("without a time", is_refused=True),
        "closed_without_time": Reason("closed at an unknown time, which is never guessed", is_refused=True),
        "no_time": Reason("a time that does not parse; give its format", is_refused=True),
        "no_zone": Reason("a time without a zone; give it by --zone or in the map", is_refused=True),
        "future": Reason("later than the export", is_refused=True),
        "duplicate": Reason("a lead that came before", is_refused=True),
    }
)
