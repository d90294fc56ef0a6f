"""Population stability of what the model reads: a diagnosis of where leads differ, never an alarm.

PSI = sum over codes of (p - q) ln(p / q). It grows with the number of codes and says nothing about harm: a
feature may move a lot where the model is flat. Compared in public with retraining on a schedule, a trigger on
it did worse than never retraining; so no rule of the verdict reads it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from features.history.lead_history import Floats
from models.bundle.bundle import Bundle
from models.scorecard.bins import ByteCodes
from training.monitoring.movement import Movement

# Added to every count, so that an empty code does not make the index infinite.
_PRIOR: Final = 0.5


@dataclass(frozen=True, slots=True)
class Stability:
    """One feature of the last week's scores.

    Attributes:
        feature: its name.
        against_training: index against the training examples; None where the card does not know them.
        against_before: index against the horizon before.
        missing_share: part of the scores without a value.
    """

    feature: str
    against_training: float | None
    against_before: float
    missing_share: float

    def to_json(self) -> dict[str, Any]:
        """Turns the feature into an object."""
        return {
            "feature": self.feature,
            "against_training": self.against_training,
            "against_before": self.against_before,
            "missing_share": self.missing_share,
        }


def stability_of(movement: Movement, bundle: Bundle) -> tuple[Stability, ...]:
    """Compares the codes of the last week with the training and with the horizon before.

    Returns:
        Every feature that the model reads, the least stable first.
    """
    latest, before = movement.latest.codes, movement.reference.codes
    found = []
    for place, bins in enumerate(bundle.scorecard.bins):
        now = _shares(latest, place, bins.codes_count)
        trained = bundle.training_shares(bins.name, codes_count=bins.codes_count)
        found.append(
            Stability(
                feature=bins.name,
                against_training=None if trained is None else stability_index(now, trained),
                against_before=stability_index(now, _shares(before, place, bins.codes_count)),
                missing_share=float((latest[:, place] == 0).mean()),
            )
        )
    return tuple(
        sorted(found, key=lambda each: (-(each.against_training or each.against_before), each.feature))
    )


def stability_index(now: Floats, before: Floats) -> float:
    """Computes the population stability index of two distributions over the same codes.

    >>> round(stability_index(np.array([0.5, 0.5]), np.array([0.5, 0.5])), 6)
    0.0
    >>> round(stability_index(np.array([0.2, 0.8]), np.array([0.5, 0.5])), 3)
    0.416
    """
    floor = 1e-6
    p, q = np.maximum(now, floor), np.maximum(before, floor)
    return float(((p - q) * np.log(p / q)).sum())


def _shares(codes: ByteCodes, place: int, codes_count: int) -> Floats:
    counts = np.bincount(codes[:, place], minlength=codes_count) + _PRIOR
    shares: Floats = counts / counts.sum()
    return shares
