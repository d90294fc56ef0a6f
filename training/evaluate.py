"""Judges what was promised at the origins of the past against what happened afterwards.

Every figure is about the main horizon, on examples that were never trained on, promised by a model that knew
only what was known at its origin. The level shift at an origin uses the shifts of those origins alone that
had matured before it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from features.columns import Floats
from features.errors import LeadOddsError
from features.times import format_time
from models.hazards import sigmoid
from training.baselines import BASE_RATE, UNRESTRICTED
from training.intervals import Figure, mean_figure, metric_figures, ratio_figure
from training.judge import SCORECARD
from training.judged import Judged
from training.labels import Bools
from training.metrics import log_losses
from training.slope import calibration_line

# Names of the parts of the population that figures are given for beside the whole.
UNSEEN: Final = "unseen_leads"
GRID: Final = "grid"
CREATION: Final = "creation"


class NothingToJudgeError(LeadOddsError):
    """Test examples of which none, or all, converted: nothing can be said of the promises."""

    def __init__(self, *, examples: int, conversions: int, horizon_days: float) -> None:
        super().__init__(
            f"Of {examples} test examples at the origins {conversions} converted within {horizon_days:g} "
            "days; some must, and some must not. Give a longer history, or a later --observed-until."
        )


@dataclass(frozen=True, slots=True)
class Evaluation:
    """All figures of a training.

    Attributes:
        metrics: pooled over origins, all test leads: what `train --json` prints.
        groups: the same for parts of the population, where both outcomes occur in them.
        by_origin: dates, counts, shifts and metrics of each origin.
        yardsticks: metrics of each model beside the scorecard.
        differences: mean paired difference of log loss, the scorecard's less that of each yardstick.
        price_of_readability: log loss of the scorecard above that of the unrestricted hazard, as a part of
            the latter, both without level shift; None where the yardstick was not fitted.
        slope: calibration slope.
        intercept: calibration intercept.
        level_before_shift: promised over happened, had no level shift been added.
    """

    metrics: Mapping[str, Figure]
    groups: Mapping[str, Mapping[str, Figure]]
    by_origin: tuple[Mapping[str, Any], ...]
    yardsticks: Mapping[str, Mapping[str, Figure]]
    differences: Mapping[str, Figure]
    price_of_readability: Figure | None
    slope: Figure
    intercept: Figure
    level_before_shift: Figure

    def to_json(self) -> dict[str, Any]:
        """Turns the figures into what card and MLflow keep."""
        return {
            "metrics": figures_to_json(self.metrics),
            "groups": {name: figures_to_json(figures) for name, figures in self.groups.items()},
            "by_origin": list(self.by_origin),
            "yardsticks": {name: figures_to_json(figures) for name, figures in self.yardsticks.items()},
            "log_loss_differences": figures_to_json(self.differences),
            "price_of_readability": self.price_of_readability and self.price_of_readability.to_json(),
            "slope": self.slope.to_json(),
            "intercept": self.intercept.to_json(),
            "level_before_shift": self.level_before_shift.to_json(),
        }


def figures_to_json(figures: Mapping[str, Figure]) -> dict[str, Any]:
    """Turns figures into objects by name."""
    return {name: figure.to_json() for name, figure in figures.items()}


def evaluate(judged: Judged, *, seed: int, replicates: int) -> Evaluation:
    """Computes every figure with its interval by bootstrap over leads.

    Args:
        judged: what was promised and what happened.
        seed: of the replicates.
        replicates: how many draws of leads.

    Raises:
        NothingToJudgeError: only one outcome occurs.
    """
    if not 0 < judged.converted.sum() < len(judged.converted):
        raise NothingToJudgeError(
            examples=len(judged.converted),
            conversions=int(judged.converted.sum()),
            horizon_days=judged.horizon_days,
        )
    draws = {"seed": seed, "replicates": replicates}
    everyone = np.ones(len(judged.lead), dtype=np.bool_)
    groups = {UNSEEN: judged.is_unseen, GRID: ~judged.from_creation, CREATION: judged.from_creation}
    others = {name: promised for name, promised in judged.log_odds.items() if name != SCORECARD}
    losses = {name: log_losses(promised, judged.converted) for name, promised in judged.log_odds.items()}
    promised_losses = log_losses(judged.promised, judged.converted)
    slope, intercept = calibration_line(judged.promised, judged.converted, judged.lead, **draws)
    raw = sigmoid(judged.log_odds[SCORECARD])
    return Evaluation(
        metrics=_metrics(judged, judged.promised, everyone, **draws),
        groups={name: _metrics(judged, judged.promised, group, **draws) for name, group in groups.items()},
        by_origin=tuple(_origin_record(judged, number, **draws) for number in range(len(judged.origins))),
        yardsticks={name: _metrics(judged, log_odds, everyone, **draws) for name, log_odds in others.items()},
        differences={
            name: mean_figure(promised_losses - losses[name], judged.lead, **draws) for name in others
        },
        price_of_readability=ratio_figure(
            losses[SCORECARD] - losses[UNRESTRICTED], losses[UNRESTRICTED], judged.lead, **draws
        )
        if UNRESTRICTED in others
        else None,
        slope=slope,
        intercept=intercept,
        level_before_shift=ratio_figure(raw, judged.converted.astype(np.float64), judged.lead, **draws),
    )


def _metrics(judged: Judged, log_odds: Floats, group: Bools, **draws: int) -> dict[str, Figure]:
    """Computes the metrics of a group; none where only one outcome occurs in it."""
    converted = judged.converted[group]
    if not 0 < converted.sum() < len(converted):
        return {}
    return metric_figures(sigmoid(log_odds[group]), converted, judged.lead[group], **draws)


def _origin_record(judged: Judged, number: int, **draws: int) -> dict[str, Any]:
    """Tells of one origin when it was, what was judged, and how it went."""
    group = judged.origin == number
    origin = judged.origins[number]
    promised, happened = float(sigmoid(judged.promised[group]).sum()), int(judged.converted[group].sum())
    return {
        "at": format_time(origin.at),
        "test_from": format_time(origin.test_from),
        "test_until": format_time(origin.test_until),
        "examples": int(group.sum()),
        "conversions": happened,
        "promised": promised,
        "base_rate": float(sigmoid(judged.log_odds[BASE_RATE][group]).mean()) if group.any() else None,
        "level_shift": judged.shifts[number],
        "level_shift_applied": judged.applied[number],
        "metrics": figures_to_json(_metrics(judged, judged.promised, group, **draws)),
    }
