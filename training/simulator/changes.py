"""Changes of the made-up company at known dates, to prove that a monitor sees them.

A change of the rates acts on the journeys, so the true probabilities know it; a fault of the inputs acts on
the rows alone. Several may come one after another. Without a change no draw and no byte of the
company is another.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal, get_args

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.history.lead_history import Bools, Floats
from training.simulator.arrivals import PRODUCTS, Arrivals
from training.simulator.world import end_after

ChangeName = Literal["doubled", "halved", "new_source", "kind_renamed", "tracker_broken", "price"]
CHANGES: Final[tuple[ChangeName, ...]] = get_args(ChangeName)

# Every fourth new lead comes from the new source, and converts a third as often as it would from another.
NEW_SOURCE: Final = "marketplace"
_ONE_IN, _OF_NEW_SOURCE = 4, 1 / 3
# By product, how many still pay a price that rose; the largest companies hardly look at it.
_AT_HIGHER_PRICE: Final = {"starter": 0.45, "team": 0.55, "enterprise": 0.95}
_RENAMED: Final = ("email_opened", "mail_open")
_LOST_KINDS: Final = ("page_view", "pricing_page_view", "blog_view")


@dataclass(frozen=True, slots=True)
class Change:
    """What changes, and when.

    Attributes:
        name: one of `CHANGES`.
        day: counted from the first day of the company; from its midnight on.
        factor: of the rate of converting, in place of that of the name; for power curves.
    """

    name: ChangeName
    day: int
    factor: float | None = None

    @property
    def at_us(self) -> int:
        """The moment, microseconds UTC, of a company whose times are not moved."""
        return end_after(self.day)

    def of_arrivals(self, arrivals: Arrivals) -> Arrivals:
        """Gives the leads the factor of their rate of converting that holds from the day on."""
        factors = arrivals.factors
        changes = (*factors.changes, (self.day, self._factors(arrivals)))
        return replace(arrivals, factors=replace(factors, changes=changes))

    def of_tables(self, tables: Mapping[str, pa.Table]) -> dict[str, pa.Table]:
        """Edits the rows from the day on, as the fault would."""
        edited = dict(tables)
        if self.name == "new_source":
            leads = tables["leads"]
            rows = self._from_day(leads["created_at"])
            rows &= np.arange(len(leads)) % _ONE_IN == 0
            place = leads.column_names.index("source")
            edited["leads"] = leads.set_column(
                place, "source", pc.if_else(pa.array(rows), NEW_SOURCE, leads["source"])
            )
        rows_of = tables["interactions"]
        since = self._from_day(rows_of["occurred_at"])
        if self.name == "kind_renamed":
            old, new = _RENAMED
            is_renamed = pa.array(since & pc.equal(rows_of["kind"], old).to_numpy(zero_copy_only=False))
            place = rows_of.column_names.index("kind")
            edited["interactions"] = rows_of.set_column(
                place, "kind", pc.if_else(is_renamed, new, rows_of["kind"])
            )
        if self.name == "tracker_broken":
            is_lost = pc.is_in(rows_of["kind"], pa.array(_LOST_KINDS)).to_numpy(zero_copy_only=False)
            edited["interactions"] = rows_of.filter(pa.array(~(since & is_lost)))
        return edited

    def _factors(self, arrivals: Arrivals) -> Floats:
        """(leads,) factor of the rate of converting."""
        count = len(arrivals.created_at)
        if self.name in {"doubled", "halved"}:
            usual = 2.0 if self.name == "doubled" else 0.5
            return np.full(count, usual if self.factor is None else self.factor)
        if self.name == "new_source":
            is_new = (arrivals.created_day >= self.day) & (np.arange(count) % _ONE_IN == 0)
            return np.where(is_new, _OF_NEW_SOURCE if self.factor is None else self.factor, 1.0)
        if self.name == "price":
            if self.factor is not None:
                return np.full(count, self.factor)
            by_product = np.array([_AT_HIGHER_PRICE[str(name)] for name, _, _ in PRODUCTS])
            return by_product[arrivals.categories["product"]]
        return np.ones(count)

    def _from_day(self, moments: pa.ChunkedArray) -> Bools:
        """Marks the moments from the day on."""
        us = pc.cast(moments, pa.int64()).to_numpy()
        return np.asarray(us >= self.at_us)
