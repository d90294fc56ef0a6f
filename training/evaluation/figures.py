"""All figures of a training, as card, MLflow and report keep them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from features.history.lead_history import Floats
from training.evaluation.calibration import ReliabilityBin
from training.evaluation.fairness import Fairness, fairness_to_json
from training.evaluation.gains import Gain, gains_to_json
from training.evaluation.held_out import HeldOutComparison
from training.evaluation.learning_curve import LearningPoint, curve_to_json
from training.evaluation.machine_made import MachineMadeEffect
from training.metrics.bootstrap import Estimate
from training.metrics.formulas import CALIBRATION_BINS

Estimates = Mapping[str, Estimate]

# Figures of segments are many; six digits are more than their intervals support.
_DIGITS: Final = 6


@dataclass(frozen=True, slots=True)
class SegmentFigures:
    """Figures of one segment of the test examples.

    In JSON `predicted` is called promised and `observed` happened.

    Attributes:
        examples: their number.
        conversions: examples that converted.
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
        """Turns the segment into an object."""
        return {
            "examples": self.examples,
            "conversions": self.conversions,
            "promised": _rounded(self.predicted),
            "happened": _rounded_estimate(self.observed),
            "metrics": {name: _rounded_estimate(estimate) for name, estimate in self.metrics.items()},
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
        differences: mean paired difference of log loss, the scorecard's less that of each baseline.
        cost_of_additivity: log loss of the scorecard above that of the unrestricted hazard, as a part of
            the latter, both without level shift; None where that was not fitted.
        slope: calibration slope.
        intercept: calibration intercept.
        level_before_shift: predicted over observed conversions, had no level shift been added.
        horizons: by horizon in days, metrics with slope and intercept; the main one among them.
        segments: by question (source, age, week), the figures of each segment.
        gains: what the leads called first capture.
        recalibrations: metrics of level shift, sigmoid, isotonic and nothing, at the origins that could
            learn; empty where none could.
        reliability: predicted against observed in bins of equal mass.
        gains_curve: (points, 2) share of the leads called first, and of the conversions among them.
        coverage: share of cells whose observed share agrees with the range predicted for it.
        learning_curve: log loss of fits on a part of the leads.
        distribution: by feature, the part of the training examples that has each code.
        failed_baselines: by name of a baseline that could not be fitted at every origin, where and why.
        fairness: by configured attribute, the figures of each group.
        machine_made: what leaving out machine-made rows changes; None where there are none.
        held_out: leads ranked by chance against the others; None where none are, or too few converted.
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
    failed_baselines: Mapping[str, str] = field(default_factory=dict)
    fairness: Fairness = field(default_factory=dict)
    machine_made: MachineMadeEffect | None = None
    held_out: HeldOutComparison | None = None

    def to_json(self) -> dict[str, Any]:
        """Turns the figures into what card and MLflow keep.

        The names in the object are a contract: groups, parts, yardsticks and price_of_readability stay.
        """
        return {
            "metrics": estimates_to_json(self.metrics),
            "groups": {name: estimates_to_json(figures) for name, figures in self.populations.items()},
            "by_origin": list(self.by_origin),
            "yardsticks": {name: estimates_to_json(figures) for name, figures in self.baselines.items()},
            "failed_yardsticks": dict(self.failed_baselines),
            "log_loss_differences": estimates_to_json(self.differences),
            "price_of_readability": self.cost_of_additivity and self.cost_of_additivity.to_json(),
            "slope": self.slope.to_json(),
            "intercept": self.intercept.to_json(),
            "level_before_shift": self.level_before_shift.to_json(),
            "calibration_bins": CALIBRATION_BINS,
            "horizons": {
                f"days_{days:g}": estimates_to_json(metrics) for days, metrics in self.horizons.items()
            },
            "gains": gains_to_json(self.gains),
            "gains_curve": self.gains_curve.round(_DIGITS).tolist(),
            "reliability": [reliability_bin.to_json() for reliability_bin in self.reliability],
            "recalibrations": {
                name: estimates_to_json(metrics) for name, metrics in self.recalibrations.items()
            },
            "coverage_90": self.coverage and self.coverage.to_json(),
            "learning_curve": curve_to_json(self.learning_curve),
            "training_distribution": dict(self.distribution),
            "parts": {
                question: {name: segment.to_json() for name, segment in segments.items()}
                for question, segments in self.segments.items()
            },
            **({"fairness": fairness_to_json(self.fairness)} if self.fairness else {}),
            **({"machine_made": self.machine_made.to_json()} if self.machine_made else {}),
            **({"held_out": self.held_out.to_json()} if self.held_out else {}),
        }


def estimates_to_json(estimates: Estimates) -> dict[str, Any]:
    """Turns estimates into objects by name."""
    return {name: estimate.to_json() for name, estimate in estimates.items()}


def _rounded(number: float) -> float:
    """Keeps `_DIGITS` significant digits."""
    return float(f"{number:.{_DIGITS}g}")


def _rounded_estimate(estimate: Estimate) -> dict[str, float | int | None]:
    """Turns an estimate into an object with fewer digits."""
    record = estimate.to_json()
    return {
        name: number if number is None or name == "n" else _rounded(number) for name, number in record.items()
    }
