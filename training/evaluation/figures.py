"""All figures of a training, as card, MLflow and report keep them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from features.history.lead_history import Floats
from training.evaluation.calibration import ReliabilityBin
from training.evaluation.gains import Gain, gains_to_json
from training.evaluation.learning_curve import LearningPoint, curve_to_json
from training.metrics.bootstrap import Estimate
from training.metrics.formulas import CALIBRATION_BINS

Estimates = Mapping[str, Estimate]

# Figures of parts are many; six digits are more than their intervals bear.
_DIGITS = 6


@dataclass(frozen=True, slots=True)
class SegmentFigures:
    """Figures of a part of the test examples.

    Attributes:
        examples: number of them.
        conversions: of them.
        predicted: mean probability.
        observed: share that converted.
        metrics: with slope and intercept; empty where only one outcome occurred.
    """

    examples: int
    conversions: int
    predicted: float
    observed: Estimate
    metrics: Estimates

    def to_json(self) -> dict[str, Any]:
        """Turns the group into an object."""
        return {
            "examples": self.examples,
            "conversions": self.conversions,
            "promised": _rounded(self.predicted),
            "happened": _rounded_figure(self.observed),
            "metrics": {name: _rounded_figure(figure) for name, figure in self.metrics.items()},
        }


@dataclass(frozen=True, slots=True)
class Evaluation:
    """All figures of a training.

    Attributes:
        metrics: pooled over origins, all test leads: what `train --json` prints.
        populations: the same with slope and intercept for unseen leads, the grid, and creation; empty where
            only one outcome occurs.
        by_origin: dates, counts, shifts and metrics of each origin.
        baselines: metrics of each model beside the scorecard.
        differences: mean paired difference of log loss, the scorecard's less that of each yardstick.
        cost_of_additivity: log loss of the scorecard above that of the unrestricted hazard, as a part of
            the latter, both without level shift; None where the yardstick was not fitted.
        slope: calibration slope.
        intercept: calibration intercept.
        level_before_shift: promised over happened, had no level shift been added.
        horizons: by horizon in days, metrics with slope and intercept; the main one among them.
        segments: by question (source, age, week), the groups of the test examples.
        gains: what the leads called first hold.
        recalibrations: metrics of level shift, sigmoid, isotonic and nothing, at the origins that could
            learn; empty where none could.
        reliability: promised against happened in bins of equal mass.
        gains_curve: (points, 2) share of the leads called first, and of the conversions among them.
        coverage: share of cells whose happened share agrees with the range promised for it.
        learning_curve: what parts of the leads would have taught.
        distribution: by feature, the part of the training examples that has each code.
    """

    metrics: Estimates
    populations: Mapping[str, Estimates]
    by_origin: tuple[Mapping[str, Any], ...]
    baselines: Mapping[str, Estimates]
    differences: Estimates
    cost_of_additivity: Estimate | None
    slope: Estimate
    intercept: Estimate
    level_before_shift: Estimate
    horizons: Mapping[float, Estimates] = field(default_factory=dict)
    segments: Mapping[str, Mapping[str, SegmentFigures]] = field(default_factory=dict)
    gains: Mapping[str, Gain] = field(default_factory=dict)
    recalibrations: Mapping[str, Estimates] = field(default_factory=dict)
    reliability: tuple[ReliabilityBin, ...] = ()
    gains_curve: Floats = field(default_factory=lambda: np.empty((0, 2)))
    coverage: Estimate | None = None
    learning_curve: tuple[LearningPoint, ...] = ()
    distribution: Mapping[str, Sequence[float]] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Turns the figures into what card and MLflow keep."""
        return {
            "metrics": estimates_to_json(self.metrics),
            "groups": {name: estimates_to_json(figures) for name, figures in self.populations.items()},
            "by_origin": list(self.by_origin),
            "yardsticks": {name: estimates_to_json(figures) for name, figures in self.baselines.items()},
            "log_loss_differences": estimates_to_json(self.differences),
            "price_of_readability": self.cost_of_additivity and self.cost_of_additivity.to_json(),
            "slope": self.slope.to_json(),
            "intercept": self.intercept.to_json(),
            "level_before_shift": self.level_before_shift.to_json(),
            "calibration_bins": CALIBRATION_BINS,
            "horizons": {f"days_{days:g}": estimates_to_json(one) for days, one in self.horizons.items()},
            "gains": gains_to_json(self.gains),
            "gains_curve": self.gains_curve.round(_DIGITS).tolist(),
            "reliability": [one.to_json() for one in self.reliability],
            "recalibrations": {name: estimates_to_json(one) for name, one in self.recalibrations.items()},
            "coverage_90": self.coverage and self.coverage.to_json(),
            "learning_curve": curve_to_json(self.learning_curve),
            "training_distribution": dict(self.distribution),
            "parts": {
                question: {name: group.to_json() for name, group in groups.items()}
                for question, groups in self.segments.items()
            },
        }


def estimates_to_json(figures: Estimates) -> dict[str, Any]:
    """Turns figures into objects by name."""
    return {name: figure.to_json() for name, figure in figures.items()}


def _rounded(number: float) -> float:
    """Keeps the digits that count."""
    return float(f"{number:.{_DIGITS}g}")


def _rounded_figure(figure: Estimate) -> dict[str, float | int | None]:
    """Turns a figure into an object with fewer digits."""
    ends = figure.to_json()
    return {name: end if end is None or name == "n" else _rounded(end) for name, end in ends.items()}
