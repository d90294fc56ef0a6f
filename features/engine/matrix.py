"""Input and output of the engine: examples, and a matrix with one row per feature."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from features.catalog.spec import FeatureSet
from features.history.lead_history import Floats, Ints, LeadHistory


class Examples(NamedTuple):
    """Pairs of a lead and a moment.

    Attributes:
        lead: (n,) row of the lead in the history.
        as_of: (n,) microseconds UTC.
    """

    lead: Ints
    as_of: Ints


class FeatureMatrix(NamedTuple):
    """Values of features of examples.

    Attributes:
        names: of the features, in order.
        values: (features, examples) C-ordered; NaN where missing; a category feature holds codes.
        vocabularies: by name of a category feature, the names of its codes.
        row_of: row of each name; None: the row is looked up in `names`.
    """

    names: tuple[str, ...]
    values: Floats
    vocabularies: Mapping[str, tuple[str, ...]]
    row_of: Mapping[str, int] | None = None

    def row(self, name: str) -> int:
        """Gives the row of one feature."""
        return self.names.index(name) if self.row_of is None else self.row_of[name]

    def column(self, name: str) -> Floats:
        """Gives (examples,) values of one feature."""
        column: Floats = self.values[self.row(name)]
        return column


# Computes features of examples of a history, in this process or elsewhere.
Compute = Callable[[FeatureSet, LeadHistory, Examples], FeatureMatrix]
