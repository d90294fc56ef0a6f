"""Discrimination and calibration of complete cohorts, and the leads that surprised most."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from features.history.lead_history import LeadHistory
from features.times import format_time
from models.bundle.card import Card
from training.config import TrainingConfig
from training.evaluation.calibration import ReliabilityBin, calibration_line, reliability_bins
from training.metrics.bootstrap import Bootstrap, Estimate, metric_estimates, widened
from training.metrics.formulas import equal_mass_bins, log_losses
from training.monitoring.cohorts import is_last_complete
from training.monitoring.follow_up import FollowUp
from training.monitoring.verdict import Evidence

_SURPRISES: Final = 10
# Fewer conversions or other leads tell nothing about an order.
_LEAST_CONVERSIONS: Final = 30


@dataclass(frozen=True, slots=True)
class Surprise:
    """A score that was far from what followed, to be replayed.

    Attributes:
        lead_id: of the lead.
        as_of: microseconds UTC.
        model_version: that scored it.
        score_id: of a single score; None of a night's, which lead, moment and version name.
        probability: as scored.
        converted: what followed.
    """

    lead_id: str
    as_of: int
    model_version: str
    score_id: str | None
    probability: float
    converted: bool

    def to_json(self) -> dict[str, Any]:
        """Turns the score into an object."""
        return {
            "lead_id": self.lead_id,
            "as_of": format_time(self.as_of),
            "model_version": self.model_version,
            "score_id": self.score_id,
            "probability": self.probability,
            "converted": self.converted,
        }


@dataclass(frozen=True, slots=True)
class CompleteFigures:
    """How good the scores of the last complete horizon were.

    Attributes:
        scores: number of them.
        conversions: that followed.
        metrics: by name, as `train --json` prints them.
        slope: of the calibration.
        reliability: in bins of the probability.
        surprises: at most ten leads, the greatest log loss first.
    """

    scores: int
    conversions: int
    metrics: Mapping[str, Estimate]
    slope: Estimate
    reliability: tuple[ReliabilityBin, ...]
    surprises: tuple[Surprise, ...]

    def to_json(self) -> dict[str, Any]:
        """Turns the figures into an object."""
        return {
            "scores": self.scores,
            "conversions": self.conversions,
            "metrics": {name: estimate.to_json() for name, estimate in self.metrics.items()},
            "calibration_slope": self.slope.to_json(),
            "reliability": [
                {
                    "expected": row.predicted,
                    "observed": row.observed.to_json(),
                    "conversions": row.conversions,
                }
                for row in self.reliability
            ],
            "surprises": [surprise.to_json() for surprise in self.surprises],
        }


def complete_figures(
    followed: FollowUp, history: LeadHistory, *, config: TrainingConfig
) -> CompleteFigures | None:
    """Evaluates the scores of the last complete horizon.

    Args:
        followed: scores and what followed.
        history: of the leads.
        config: seed and draws of the intervals.

    Returns:
        None where too few leads converted, or too few did not.
    """
    complete = followed.take(is_last_complete(followed))
    converted = complete.observed > 0
    if min(int(converted.sum()), int((~converted).sum())) < _LEAST_CONVERSIONS:
        return None
    bootstrap = Bootstrap(config.seed, config.bootstrap_replicates)
    probability, log_odds = complete.scores.probability, complete.scores.log_odds
    slope, _ = calibration_line(log_odds, converted, complete.cluster, bootstrap)
    return CompleteFigures(
        scores=len(converted),
        conversions=int(converted.sum()),
        metrics=metric_estimates(probability, converted, complete.cluster, bootstrap),
        slope=slope,
        reliability=reliability_bins(
            probability, converted, complete.cluster, equal_mass_bins(log_odds), bootstrap
        ),
        surprises=_surprises(complete, history),
    )


def _surprises(complete: FollowUp, history: LeadHistory) -> tuple[Surprise, ...]:
    scores = complete.scores
    losses = log_losses(scores.log_odds, complete.observed > 0)
    order = np.lexsort((scores.as_of, -losses))
    # Of a lead its most surprising score.
    _, first = np.unique(scores.lead[order], return_index=True)
    rows = order[np.sort(first)[:_SURPRISES]]
    return tuple(
        Surprise(
            lead_id=str(history.lead_ids[int(scores.lead[row])]),
            as_of=int(scores.as_of[row]),
            model_version=scores.versions[int(scores.version[row])],
            score_id=scores.score_id[row],
            probability=float(scores.probability[row]),
            converted=bool(complete.observed[row] > 0),
        )
        for row in rows.tolist()
    )


def complete_evidence(
    figures: CompleteFigures, card: Card | None, *, confidence: float, config: TrainingConfig
) -> Iterator[Evidence]:
    """Compares the figures of complete cohorts with their bounds.

    Args:
        figures: of the last complete horizon.
        card: of the champion, with the AUC of its backtest; None where its bundle is gone.
        confidence: of the intervals.
        config: limits.
    """
    most = config.monitor.slope_factor
    slope = widened(figures.slope, confidence)
    yield Evidence("slope", slope.value, slope.low, slope.high, 1 / most, most)
    trained = None if card is None else card.metrics.get("auc")
    if isinstance(trained, Mapping) and isinstance(trained.get("value"), float):
        auc = widened(figures.metrics["auc"], confidence)
        least = float(trained["value"]) - config.monitor.auc_drop  # type: ignore[arg-type]
        yield Evidence("discrimination", auc.value, auc.low, auc.high, least)
