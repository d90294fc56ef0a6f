"""What the evaluation knows of the test examples beside predictions and outcomes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from features.history.amounts import usual_amounts
from features.history.known import survivor_known
from features.history.lead_history import Floats
from features.history.outcomes import one_of_each
from models.scorecard.scorecard import Scorecard
from training.backtesting.predictions import BacktestPredictions
from training.config import TrainingConfig
from training.evaluation.capacity import Capacity, find_capacity
from training.evaluation.coverage import Reach, reach_of_ranges
from training.evaluation.segments import Segmentation, segment_examples
from training.evaluation.term_views import code_shares, training_codes
from training.examples.dataset import Dataset
from training.examples.labels import converted_within


@dataclass(frozen=True, slots=True)
class EvaluationInputs:
    """What is known of the test examples, in their order, beside prediction and outcome.

    Attributes:
        segments: by question, such as source, age or week.
        outcomes: by further horizon in days, (n,) 1 where converted within it, 0 where not, NaN while not
            final.
        amount: (n,) amount of the conversion within the main horizon, 0 without a conversion or where the
            amount is not known; None where no amount is known.
        amounts_known: part of those conversions whose amount is known.
        capacity: leads that sales can call in a week; None where it is not known.
        reach: of the ranges of the final fit; None where it has no replicas.
        distribution: by feature of the final fit, the part of the training examples that has each code.
    """

    segments: Mapping[str, Segmentation] = field(default_factory=dict)
    outcomes: Mapping[float, Floats] = field(default_factory=dict)
    amount: Floats | None = None
    amounts_known: float = 0.0
    capacity: Capacity | None = None
    reach: Reach | None = None
    distribution: Mapping[str, Sequence[float]] = field(default_factory=dict)


def gather_evaluation_inputs(
    dataset: Dataset,
    predictions: BacktestPredictions,
    *,
    config: TrainingConfig,
    scorecard: Scorecard | None = None,
) -> EvaluationInputs:
    """Looks up what is known of the test examples beside prediction and outcome.

    Args:
        dataset: what was trained on.
        predictions: of its test examples.
        config: segments, sales_capacity_per_week.
        scorecard: of the final fit, with replicas if there are any; None in a backtest.

    Raises:
        SegmentError: a segment is configured that the history does not have.
    """
    amounts = usual_amounts(one_of_each(dataset.history.outcomes).amount)
    lead = predictions.lead[predictions.converted]
    survivor = survivor_known(dataset.history, lead, dataset.history.observed_until)
    amounts = np.where(np.isnan(amounts[lead]), amounts[survivor], amounts[lead])
    amount = np.zeros(len(predictions.lead))
    amount[predictions.converted] = np.nan_to_num(amounts)
    labels = dataset.labels.take(predictions.test)
    return EvaluationInputs(
        segments=segment_examples(dataset.history, dataset.examples_at(predictions.test), config=config),
        outcomes={days: converted_within(labels, days) for days in predictions.by_horizon},
        amount=amount if amount.any() else None,
        amounts_known=float(np.mean(~np.isnan(amounts))) if len(amounts) else 0.0,
        capacity=find_capacity(dataset.history, predictions.as_of, config=config),
        reach=None if scorecard is None else reach_of_ranges(scorecard, dataset.matrix, predictions.test),
        distribution={}
        if scorecard is None
        else code_shares(scorecard, training_codes(dataset, scorecard, seed=config.seed)),
    )
