"""What a scorecard is made of: terms, the same terms fitted again, and how far past tests were off."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from features.history.lead_history import Floats


@dataclass(frozen=True, slots=True, eq=False)
class Term:
    """What one feature, or one pair of features, adds to the logit hazard.

    Attributes:
        features: one or two positions in the scorecard's bins.
        table: (codes_a[, codes_b], K) logits, centred per time bin on the training examples.
    """

    features: tuple[int, ...]
    table: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Replica:
    """The same terms, fitted on leads drawn with replacement; how replicas differ is how sure the fit is.

    Attributes:
        average: (K,) average logit hazards.
        tables: of each term, in the order and shape of the scorecard's terms.
    """

    average: Floats
    tables: tuple[Floats, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Misfit:
    """How far tests of the past were off beyond chance, by what was promised.

    Attributes:
        log_odds: (bins,) promised, rising.
        spread: (bins,) standard deviations in logits, at least 0.
    """

    log_odds: Floats
    spread: Floats

    def at(self, log_odds: Floats) -> Floats:
        """Spread at promised log-odds, between two bins by a straight line: same shape."""
        spread: Floats = np.interp(log_odds, self.log_odds, self.spread)
        return spread
