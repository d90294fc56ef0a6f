"""Bands of probability, and when a lead has too little evidence for a band."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from features.history.lead_history import Floats

EVIDENCE_RULE: Final = (
    "insufficient_evidence: the plausible range of the probability reaches from the lowest band into the "
    "highest, so that nobody can tell whether to call this lead first or last"
)

# With fewer bands nearly every range would reach over the only limit.
_LEAST_BANDS: Final = 3


@dataclass(frozen=True, slots=True)
class Band:
    """A range of probability with a name, from `at_least` up to the next higher band."""

    name: str
    at_least: float


DEFAULT_BANDS: Final = (Band("A", 0.4), Band("B", 0.2), Band("C", 0.05), Band("D", 0.0))


def bands_of(probability: Floats, limits: Floats) -> npt.NDArray[np.int8]:
    """Gives the band of each lead: the first, from the top, whose lowest probability is reached.

    Args:
        probability: (leads,)
        limits: (bands,) lowest probability of each, falling to 0.

    >>> bands_of(np.array([0.2, 0.01]), np.array([0.4, 0.2, 0.05, 0.0]))
    array([1, 3], dtype=int8)
    """
    reached = probability[:, np.newaxis] >= limits
    first: npt.NDArray[np.int8] = reached.argmax(axis=1).astype(np.int8)
    return first


def is_insufficient(low: Floats, high: Floats, limits: Floats) -> npt.NDArray[np.bool_]:
    """Marks the leads whose plausible range is too wide for a band, by the rule of `EVIDENCE_RULE`.

    Args:
        low: (leads,) lower end of the range; NaN where the model gives none.
        high: (leads,) upper end.
        limits: (bands,) lowest probability of each, falling to 0.

    >>> is_insufficient(np.array([0.04, 0.04]), np.array([0.5, 0.3]), np.array([0.4, 0.2, 0.05, 0.0]))
    array([ True, False])
    """
    if len(limits) < _LEAST_BANDS:
        return np.zeros(len(low), dtype=np.bool_)
    return np.asarray((low < limits[-2]) & (high >= limits[0]))
