"""Judges what was promised at the origins of the past against what happened afterwards.

Figures are about the main horizon unless they name another, on examples that were never trained on, promised
by a model that knew only what was known at its origin. The level shift at an origin uses the shifts of those
origins alone that had matured before it. Every interval is drawn over leads, or accounts where there are any.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np

from features.history.lead_history import Bools, Floats
from features.times import format_time
from models.scorecard.hazards import sigmoid
from models.scorecard.scorecard import Scorecard
from training.backtesting.jobs import SCORECARD, FitResult, FitSpec
from training.backtesting.predictions import BacktestPredictions, NothingToJudgeError
from training.baselines.baselines import BASE_RATE, UNRESTRICTED
from training.config import TrainingConfig
from training.evaluation.calibration import calibration_line, gains_curve, reliability
from training.evaluation.capacity import Capacity, find_capacity
from training.evaluation.coverage import coverage, replica_spread
from training.evaluation.figures import Estimates, Evaluation, Group, estimates_to_json
from training.evaluation.gains import gains
from training.evaluation.learning_curve import learning_curve
from training.evaluation.recalibration import recalibrations
from training.evaluation.segments import Part, masks, part_examples
from training.evaluation.term_views import code_shares, training_codes
from training.examples.dataset import Dataset
from training.examples.labels import converted_within
from training.metrics.bootstrap import Estimate, mean_estimate, metric_estimates, ratio_estimate
from training.metrics.formulas import log_losses

# Names of the parts of the population that figures are given for beside the whole.
UNSEEN: Final = "unseen_leads"
GRID: Final = "grid"
CREATION: Final = "creation"


def evaluate(
    judged: BacktestPredictions, *, aspects: Aspects | None = None, seed: int, replicates: int
) -> Evaluation:
    """Computes every figure with its interval by bootstrap over leads, or accounts.

    Args:
        judged: what was promised and what happened.
        aspects: under which more can be looked at; None where there are none.
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
    whole = _against_yardsticks(judged, **draws)
    return whole if aspects is None else _under_aspects(whole, judged, aspects, **draws)


def _against_yardsticks(judged: BacktestPredictions, **draws: int) -> Evaluation:
    """Computes what needs nothing but promises and outcomes."""
    everyone = np.ones(len(judged.lead), dtype=np.bool_)
    groups = {UNSEEN: judged.is_unseen, GRID: ~judged.from_creation, CREATION: judged.from_creation}
    others = {name: promised for name, promised in judged.log_odds.items() if name != SCORECARD}
    losses = {name: log_losses(promised, judged.converted) for name, promised in judged.log_odds.items()}
    promised_losses = log_losses(judged.promised, judged.converted)
    slope, intercept = calibration_line(judged.promised, judged.converted, judged.units, **draws)
    raw = sigmoid(judged.log_odds[SCORECARD])
    return Evaluation(
        metrics=_metrics(judged, judged.promised, everyone, **draws),
        groups={name: _with_line(judged, group, **draws) for name, group in groups.items()},
        by_origin=tuple(_origin_record(judged, number, **draws) for number in range(len(judged.origins))),
        yardsticks={name: _metrics(judged, log_odds, everyone, **draws) for name, log_odds in others.items()},
        differences={
            name: mean_estimate(promised_losses - losses[name], judged.units, **draws) for name in others
        },
        price_of_readability=ratio_estimate(
            losses[SCORECARD] - losses[UNRESTRICTED], losses[UNRESTRICTED], judged.units, **draws
        )
        if UNRESTRICTED in others
        else None,
        slope=slope,
        intercept=intercept,
        level_before_shift=ratio_estimate(raw, judged.converted.astype(np.float64), judged.units, **draws),
    )


def _under_aspects(
    whole: Evaluation, judged: BacktestPredictions, aspects: Aspects, **draws: int
) -> Evaluation:
    """Adds what is looked at beside promise and outcome."""
    main = {**whole.metrics, "slope": whole.slope, "intercept": whole.intercept}
    horizons = {judged.horizon_days: main} | {
        days: figures
        for days, outcome in aspects.outcomes.items()
        if (figures := _at_horizon(judged, days, outcome, **draws))
    }
    ways, could_learn = recalibrations(judged)
    return replace(
        whole,
        horizons=dict(sorted(horizons.items())),
        parts={question: _groups(judged, part, **draws) for question, part in aspects.parts.items()},
        gains=gains(judged, aspects.amount, aspects.capacity, **draws),
        recalibrations={name: _metrics(judged, one, could_learn, **draws) for name, one in ways.items()}
        if could_learn.any()
        else {},
        reliability=reliability(judged, **draws),
        gains_curve=gains_curve(judged),
        coverage=coverage(judged, aspects.replicas),
        distribution=aspects.distribution,
    )


def _metrics(
    judged: BacktestPredictions, log_odds: Floats, group: Bools, **draws: int
) -> dict[str, Estimate]:
    """Computes the metrics of a group; none where only one outcome occurs in it."""
    converted = judged.converted[group]
    if not 0 < converted.sum() < len(converted):
        return {}
    return metric_estimates(sigmoid(log_odds[group]), converted, judged.units[group], **draws)


def _with_line(judged: BacktestPredictions, group: Bools, **draws: int) -> dict[str, Estimate]:
    """Computes the metrics of a group with its calibration line."""
    figures = _metrics(judged, judged.promised, group, **draws)
    if figures:
        line = calibration_line(judged.promised[group], judged.converted[group], judged.units[group], **draws)
        figures["slope"], figures["intercept"] = line
    return figures


def _at_horizon(judged: BacktestPredictions, days: float, outcome: Floats, **draws: int) -> Estimates:
    """Judges a further horizon, on the test examples for which it is over and was promised."""
    promised = judged.by_horizon[days] + judged.shift
    told = ~np.isnan(outcome) & ~np.isnan(promised)
    further = replace(
        judged, converted=outcome == 1, log_odds={SCORECARD: judged.by_horizon[days]}, horizon_days=days
    )
    return _with_line(further, told, **draws)


def _groups(judged: BacktestPredictions, part: Part, **draws: int) -> dict[str, Group]:
    """Judges each group of a part."""
    return {name: _group(judged, inside, **draws) for name, inside in masks(part).items()}


def _group(judged: BacktestPredictions, inside: Bools, **draws: int) -> Group:
    """Judges one group."""
    converted = judged.converted[inside].astype(np.float64)
    return Group(
        examples=len(converted),
        conversions=int(converted.sum()),
        promised=float(sigmoid(judged.promised[inside]).mean()),
        happened=mean_estimate(converted, judged.units[inside], **draws),
        metrics=_with_line(judged, inside, **draws),
    )


def _origin_record(judged: BacktestPredictions, number: int, **draws: int) -> dict[str, Any]:
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
        "happened": mean_estimate(
            judged.converted[group].astype(np.float64), judged.units[group], **draws
        ).to_json()
        if group.any()
        else None,
        "base_rate": float(sigmoid(judged.log_odds[BASE_RATE][group]).mean()) if group.any() else None,
        "level_shift": judged.shifts[number],
        "level_shift_applied": judged.applied[number],
        "metrics": estimates_to_json(_with_line(judged, group, **draws)),
    }


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
    dataset: Dataset,
    judged: BacktestPredictions,
    *,
    config: TrainingConfig,
    scorecard: Scorecard | None = None,
) -> Aspects:
    """Finds out under which aspects the test examples can be looked at.

    Args:
        dataset: what was trained on.
        judged: its test examples.
        config: segments, sales_capacity_per_week.
        scorecard: of the final fit, with replicas if there are any; None in a backtest.

    Raises:
        SegmentError: a segment is configured that the history does not have.
    """
    amounts = dataset.history.outcomes.amount[judged.lead[judged.converted]]
    known = float(np.mean(~np.isnan(amounts))) if len(amounts) else 0.0
    amount = np.zeros(len(judged.lead))
    amount[judged.converted] = np.nan_to_num(amounts)
    labels = dataset.labels.take(judged.test)
    return Aspects(
        parts=part_examples(dataset.history, dataset.examples_at(judged.test), config=config),
        outcomes={days: converted_within(labels, days) for days in judged.by_horizon},
        amount=amount if amount.any() else None,
        amounts_known=known,
        capacity=find_capacity(dataset.history, judged.as_of, config=config),
        replicas=None if scorecard is None else replica_spread(scorecard, dataset.matrix, judged.test),
        distribution={}
        if scorecard is None
        else code_shares(scorecard, training_codes(dataset, scorecard, seed=config.seed)),
    )


def judge_all(
    judged: BacktestPredictions,
    dataset: Dataset,
    *,
    learning: Sequence[tuple[FitSpec, FitResult | None]],
    final: Scorecard | None,
    config: TrainingConfig,
) -> tuple[Aspects, Evaluation]:
    """Judges the promises of the fits in every way.

    Args:
        judged: promises of the origins' fits, and what happened.
        dataset: what was fitted on.
        learning: fits on a part of the leads, and what came of them.
        final: the fit on everything, before its level shift; None in a backtest.
        config: seed, replicates, segments, sales capacity.

    Raises:
        NothingToJudgeError: only one outcome occurs.
        SegmentError: a segment is configured that the history does not have.
    """
    draws = {"seed": config.seed, "replicates": config.bootstrap_replicates}
    aspects = find_aspects(dataset, judged, config=config, scorecard=final)
    evaluation = evaluate(judged, aspects=aspects, **draws)
    points = learning_curve(judged, dataset, learning, **draws)
    return aspects, replace(evaluation, learning=points)
