"""What is looked at beside promise and outcome: parts, amounts, further horizons, what sales can call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from features.history.lead_history import Floats
from models.scorecard.scorecard import Scorecard
from training.backtesting.predictions import Judged
from training.config import TrainingConfig
from training.evaluation.capacity import Capacity, find_capacity
from training.evaluation.coverage import replica_spread
from training.evaluation.segments import Part, part_examples
from training.evaluation.term_views import code_shares, training_codes
from training.examples.dataset import Material
from training.examples.labels import converted_within


@dataclass(frozen=True, slots=True)
class Aspects:
    """Of the test examples, in their order.

    Attributes:
        parts: by question, such as source, age or week.
        outcomes: by further horizon in days, (n,) 1 where converted within it, 0 where not, NaN while not
            final.
        amount: (n,) what the conversion within the main horizon brought, 0 without one or where it is not
            known; None where no amount is.
        amounts_known: part of those conversions whose amount is known.
        capacity: leads that sales can call in a week.
        replicas: (n,) standard deviation of the log-odds over the replicas of the final fit.
        distribution: by feature of the final fit, the part of the training examples that has each code.
    """

    parts: Mapping[str, Part] = field(default_factory=dict)
    outcomes: Mapping[float, Floats] = field(default_factory=dict)
    amount: Floats | None = None
    amounts_known: float = 0.0
    capacity: Capacity | None = None
    replicas: Floats | None = None
    distribution: Mapping[str, Sequence[float]] = field(default_factory=dict)


def find_aspects(
    material: Material, judged: Judged, *, config: TrainingConfig, scorecard: Scorecard | None = None
) -> Aspects:
    """Finds out under which aspects the test examples can be looked at.

    Args:
        material: what was trained on.
        judged: its test examples.
        config: segments, sales_capacity_per_week.
        scorecard: of the final fit, with replicas if there are any; None in a backtest.

    Raises:
        SegmentError: a segment is configured that the history does not have.
    """
    amounts = material.history.outcomes.amount[judged.lead[judged.converted]]
    known = float(np.mean(~np.isnan(amounts))) if len(amounts) else 0.0
    amount = np.zeros(len(judged.lead))
    amount[judged.converted] = np.nan_to_num(amounts)
    labels = material.labels.take(judged.test)
    return Aspects(
        parts=part_examples(material.history, material.examples_at(judged.test), config=config),
        outcomes={days: converted_within(labels, days) for days in judged.by_horizon},
        amount=amount if amount.any() else None,
        amounts_known=known,
        capacity=find_capacity(material.history, judged.as_of, config=config),
        replicas=None if scorecard is None else replica_spread(scorecard, material.matrix, judged.test),
        distribution={}
        if scorecard is None
        else code_shares(scorecard, training_codes(material, scorecard, seed=config.seed)),
    )
