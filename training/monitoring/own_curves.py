"""What a score said about every day of its horizon: its own curve, between the edges of the time bins too."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from features.history.lead_history import Floats, Ints
from models.scorecard.hazards import logit_of_hazard, sigmoid, softplus


@dataclass(frozen=True, slots=True)
class OwnCurves:
    """The curves of n scores.

    A score states its probability at the edges of the time bins. In between the hazard is constant, so the
    cumulative hazard rises evenly; the level shift was added to the log-odds and is taken off first.

    Attributes:
        edges_days: (n, K + 1) rising from 0; a shorter curve repeats its last edge.
        hazard: (n, K + 1) cumulative hazards without the level shift, rising from 0.
        shift: (n,) level shift of the version; 0 where its bundle is gone, which moves a probability between
            two edges by less than a hundredth of itself.
    """

    edges_days: Floats
    hazard: Floats
    shift: Floats

    @classmethod
    def of_probabilities(cls, edges_days: Floats, probability: Floats, shift: Floats) -> OwnCurves:
        """Builds curves from what the scores state.

        Args:
            edges_days: (n, K) ends of the time bins, as in the scores.
            probability: (n, K) at these.
            shift: (n,) level shifts.
        """
        with np.errstate(divide="ignore"):
            log_odds = np.log(probability) - np.log1p(-probability) - shift[:, np.newaxis]
        start = np.zeros((len(shift), 1))
        return cls(np.hstack([start, edges_days]), np.hstack([start, softplus(log_odds)]), shift)

    def take(self, rows: Ints) -> OwnCurves:
        """The curves of some of the scores."""
        return OwnCurves(self.edges_days[rows], self.hazard[rows], self.shift[rows])

    def at(self, days: Floats) -> Floats:
        """Probability of a conversion within so many days: (n,), 0 at or before the score.

        Args:
            days: (n,) after each score; beyond the last edge its probability is given.
        """
        days = np.clip(days, 0.0, self.edges_days[:, -1])
        row = np.arange(len(days))
        place = np.clip((self.edges_days < days[:, np.newaxis]).sum(axis=1), 1, self.edges_days.shape[1] - 1)
        low, high = self.edges_days[row, place - 1], self.edges_days[row, place]
        part = np.divide(days - low, high - low, out=np.ones(len(days)), where=high > low)
        before, after = self.hazard[row, place - 1], self.hazard[row, place]
        with np.errstate(divide="ignore"):
            reached = logit_of_hazard(before + part * (after - before))
        return sigmoid(reached + self.shift)
