"""Makes the bundle of a training: the scorecard with its level, and the card that says on what evidence."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any, Final

import numpy as np

from features.findings.problems import Problem
from features.history.known import counting_conversions, outcome_known
from features.history.lead_history import CONVERTED, Bools
from models.bundle.bundle import Bundle
from models.bundle.card import Card
from training.backtesting.predictions import BacktestPredictions
from training.bundling.bands import choose_bands
from training.config import TrainingConfig
from training.evaluation.evaluate import EvaluationInputs
from training.evaluation.figures import Evaluation, estimates_to_json
from training.examples.dataset import Dataset
from training.fitting.scorecard_fit import FittedHazard
from training.promotion.gate import Verdict

# What decides bits, beside the code.
_LIBRARIES: Final = ("numpy", "scikit-learn", "pyarrow", "duckdb")
_QUICK: Final = (
    "A quick training: two origins, no search, no yardsticks, fewer rows; shows that all runs, not more."
)


@dataclass(frozen=True, slots=True)
class TrainedModel:
    """What a training leaves behind.

    Attributes:
        dataset: what was fitted on.
        final: the fit on everything, with level shift, its spread and misfit.
        predictions: of the test examples, with what was observed.
        evaluation: their figures.
        verdict: of the gate.
        digests: of the history's tables.
        problems: found in the history.
        evaluation_inputs: what the evaluation knows of the test examples beside predictions and outcomes.
    """

    dataset: Dataset
    final: FittedHazard
    predictions: BacktestPredictions
    evaluation: Evaluation
    verdict: Verdict
    digests: Mapping[str, str]
    problems: tuple[Problem, ...] = ()
    evaluation_inputs: EvaluationInputs = field(default_factory=EvaluationInputs)


def make_bundle(made: TrainedModel, *, config: TrainingConfig, run_id: str, created_at: int) -> Bundle:
    """Puts a bundle together; the registry numbers it.

    Args:
        made: what the training found out.
        config: of the training.
        run_id: in MLflow.
        created_at: microseconds UTC.
    """
    scorecard = made.final.scorecard
    feature_set = made.final.feature_set
    history = made.dataset.history
    card = Card(
        created_at=created_at,
        history_from=int(history.created_at.min()),
        observed_until=history.observed_until,
        horizon_days=scorecard.horizon_days,
        time_edges_days=tuple(scorecard.time_edges_days.tolist()),
        feature_set=feature_set.version,
        run_id=run_id,
        horizons_days=tuple(made.evaluation.horizons) or (scorecard.horizon_days,),
        metrics=estimates_to_json(made.evaluation.metrics),
        evaluation=made.evaluation.to_json(),
        verdict=tuple(row.to_json() for row in made.verdict.rows),
        bands=choose_bands(made.dataset, scorecard, feature_set, config=config),
        expected_amount=_expected_amount(made.dataset),
        text_rule=history.text_rule,
        trained_on=_trained_on(made),
        config=recorded_config(config),
        library_versions={name: version(name) for name in _LIBRARIES} | {"python": platform.python_version()},
        notes=(*made.dataset.notes, *((_QUICK,) if config.quick else ()), made.verdict.sentence),
    )
    return Bundle(card, feature_set, scorecard)


def recorded_config(config: TrainingConfig) -> dict[str, Any]:
    """Gives the effective configuration without the number of workers, which changes nothing."""
    return config.model_dump(mode="json", exclude={"workers"})


def _expected_amount(dataset: Dataset) -> float | None:
    """Gives the mean amount of the conversions known, None where no amount is."""
    outcomes = dataset.history.outcomes
    amounts = outcomes.amount[counting_conversions(outcomes, dataset.history.observed_until)]
    amounts = amounts[~np.isnan(amounts)]
    return float(amounts.mean()) if len(amounts) else None


def _trained_on(made: TrainedModel) -> dict[str, Any]:
    """Counts what the final fit learnt from."""
    return {
        "leads": made.dataset.history.leads_count,
        "converted_leads": int(_is_converted(made.dataset).sum()),
        "examples": made.final.examples_count,
        "rows": made.final.rows_count,
        "conversions": made.final.conversions_count,
        "chosen": made.final.selected_model.to_json(),
        "digests": dict(made.digests),
    }


def _is_converted(dataset: Dataset) -> Bools:
    """(leads,) who was known to have converted at `observed_until`."""
    history = dataset.history
    lead = np.arange(history.leads_count, dtype=np.int64)
    return np.asarray(outcome_known(history, lead, history.observed_until) == CONVERTED)
