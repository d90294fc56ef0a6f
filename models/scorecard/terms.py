"""The parts of a scorecard: terms, and what its ranges are made of: replicas, misfit and shrinkage."""

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
    """The same terms fitted on leads drawn with replacement; replicas differ as much as the fit is uncertain.

    Attributes:
        average: (K,) average logit hazards.
        tables: of each term, in the order and shape of the scorecard's terms.
    """

    average: Floats
    tables: tuple[Floats, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Misfit:
    """Miscalibration at past origins beyond chance, by predicted log-odds.

    Attributes:
        log_odds: (bins,) predicted, rising.
        spread: (bins,) standard deviations in logits, at least 0.
    """

    log_odds: Floats
    spread: Floats

    def at(self, log_odds: Floats) -> Floats:
        """Spread at predicted log-odds, interpolated linearly between two bins: same shape."""
        spread: Floats = np.interp(log_odds, self.log_odds, self.spread)
        return spread


@dataclass(frozen=True, slots=True, eq=False)
class Shrinkage:
    """How far longer boosting would move leads away from the average, by predicted log-odds.

    A fit that stops where later rows are predicted best is still shrunken towards the average, and so is
    every replica of it. Only the end of a range that lies in the direction of the move is extended by it.

    Attributes:
        log_odds: (bins,) predicted without the level shift, rising.
        move: (bins,) logits, of either sign.
    """

    log_odds: Floats
    move: Floats

    def at(self, log_odds: Floats) -> Floats:
        """Move at predicted log-odds, interpolated linearly between two bins: same shape."""
        move: Floats = np.interp(log_odds, self.log_odds, self.move)
        return move
