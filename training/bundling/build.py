"""Makes the bundle of a training: the scorecard with its level, and the card with its evidence."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any, Final

import numpy as np

from features.checks.model_inputs import count_inputs, inputs_of_features
from features.findings.problems import Problem
from features.history.amounts import usual_amounts
from features.history.extent import creations_begin
from features.history.known import conversions_of_leads, has_row, outcome_known
from features.history.lead_history import CONVERTED, Bools, LeadHistory
from models.bundle.bundle import Bundle
from models.bundle.card import Card
from training.backtesting.predictions import BacktestPredictions
from training.bundling.bands import choose_bands, choose_held_out, predict_open_leads
from training.config import TrainingConfig
from training.evaluation.figures import Evaluation, estimates_to_json
from training.evaluation.inputs import EvaluationInputs
from training.examples.dataset import Dataset
from training.fitting.scorecard_fit import FittedHazard
from training.promotion.gate import Verdict

# Libraries that the bits of a bundle depend on.
_LIBRARIES: Final = ("numpy", "scikit-learn", "pyarrow", "duckdb")
_QUICK: Final = (
    "A quick training: two origins, no search, no baselines, fewer rows; it shows only that everything runs."
)


@dataclass(frozen=True, slots=True)
class TrainedModel:
    """Result of a training.

    Attributes:
        dataset: what was fitted on.
        final: the fit on everything, with level shift, its spread and misfit.
        predictions: of the test examples, with what was observed.
        evaluation: their figures.
        verdict: of the gate.
        digests: of the history's tables.
        problems: found in the history.
        evaluation_inputs: facts about the test examples beside predictions and outcomes.
    """

    dataset: Dataset
    final: FittedHazard
    predictions: BacktestPredictions
    evaluation: Evaluation
    verdict: Verdict
    digests: Mapping[str, str]
    problems: tuple[Problem, ...] = ()
    evaluation_inputs: EvaluationInputs = field(default_factory=EvaluationInputs)


def make_bundle(trained: TrainedModel, *, config: TrainingConfig, run_id: str, created_at: int) -> Bundle:
    """Makes a bundle; the registry numbers it.

    Args:
        trained: the fit, its predictions and their evaluation.
        config: of the training.
        run_id: in MLflow.
        created_at: microseconds UTC.
    """
    scorecard = trained.final.scorecard
    feature_set = trained.final.feature_set
    history = trained.dataset.history
    inputs = inputs_of_features(feature_set.features, categories={}, kind_shares={})
    open_leads = predict_open_leads(trained.dataset, scorecard, feature_set)
    card = Card(
        created_at=created_at,
        history_from=creations_begin(history),
        observed_until=history.observed_until,
        horizon_days=scorecard.horizon_days,
        time_edges_days=tuple(scorecard.time_edges_days.tolist()),
        feature_set=feature_set.version,
        run_id=run_id,
        horizons_days=tuple(trained.evaluation.horizons) or (scorecard.horizon_days,),
        metrics=estimates_to_json(trained.evaluation.metrics),
        evaluation=trained.evaluation.to_json(),
        verdict=tuple(row.to_json() for row in trained.verdict.rows),
        bands=choose_bands(open_leads, config=config),
        held_out=choose_held_out(open_leads, config=config),
        expected_amount=expected_amount(trained.dataset.history),
        text_rule=history.text_rule,
        machine_rules=history.settings.machine_rules,
        history_settings=history.settings.to_json(),
        trained_on=_trained_on(trained) | {"input_rows": dict(count_inputs(inputs, history).rows)},
        config=recorded_config(config),
        library_versions={name: version(name) for name in _LIBRARIES} | {"python": platform.python_version()},
        notes=(*trained.dataset.notes, *((_QUICK,) if config.quick else ()), trained.verdict.sentence),
    )
    return Bundle(card, feature_set, scorecard)


def recorded_config(config: TrainingConfig) -> dict[str, Any]:
    """Gives the effective configuration, without the keys that change no training."""
    return config.model_dump(mode="json", exclude={"workers", "accept_missing"})


def expected_amount(history: LeadHistory) -> float | None:
    """Gives the mean of the usual amounts of the known conversions; None where there are none above zero."""
    outcomes = history.outcomes
    amounts = usual_amounts(outcomes.amount[conversions_of_leads(history, history.observed_until)])
    amounts = amounts[~np.isnan(amounts)]
    if not (amounts > 0).any():
        return None
    with np.errstate(over="ignore"):
        mean = float(amounts.mean())
    # The sum of amounts near the greatest double is infinite, their mean is not.
    return mean if np.isfinite(mean) else float((amounts / len(amounts)).sum())


def _trained_on(trained: TrainedModel) -> dict[str, Any]:
    """Counts the training data of the final fit, and the leads with a row at `observed_until`.

    The version of the catalogue is that of all declared features; the bundle keeps those with an effect.
    """
    history = trained.dataset.history
    return {
        "leads": int(has_row(history, history.observed_until).sum()),
        "converted_leads": int(_is_converted(trained.dataset).sum()),
        "examples": trained.final.examples_count,
        "rows": trained.final.rows_count,
        "conversions": trained.final.conversions_count,
        "catalogue": trained.dataset.feature_sets[-1].version,
        "chosen": trained.final.selected_model.to_json(),
        "digests": dict(trained.digests),
    }


def _is_converted(dataset: Dataset) -> Bools:
    """(leads,) whether each was known to have converted at `observed_until`."""
    history = dataset.history
    lead = np.arange(history.leads_count, dtype=np.int64)
    return np.asarray(outcome_known(history, lead, history.observed_until) == CONVERTED)
