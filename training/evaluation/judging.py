"""All that is found out once the fits are made: yardsticks that need none, aspects, figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from models.scorecard.scorecard import Scorecard
from training.backtesting.jobs import Fit, Fitted
from training.backtesting.predictions import Judged
from training.baselines.rule_points import with_rule_points
from training.config import TrainingConfig
from training.evaluation.aspects import Aspects, find_aspects
from training.evaluation.evaluate import evaluate
from training.evaluation.figures import Evaluation
from training.evaluation.learning_curve import learning_curve
from training.examples.dataset import Material


def judge_all(
    judged: Judged,
    material: Material,
    *,
    learning: Sequence[tuple[Fit, Fitted | None]],
    final: Scorecard | None,
    config: TrainingConfig,
) -> tuple[Judged, Aspects, Evaluation]:
    """Judges the promises of the fits in every way.

    Args:
        judged: promises of the origins' fits, and what happened.
        material: what was fitted on.
        learning: fits on a part of the leads, and what came of them.
        final: the fit on everything, before its level shift; None in a backtest.
        config: quick ones have no yardsticks.

    Raises:
        NothingToJudgeError: only one outcome occurs.
        SegmentError: a segment is configured that the history does not have.
    """
    draws = {"seed": config.seed, "replicates": config.bootstrap_replicates}
    if not config.quick:
        judged = with_rule_points(judged, material, config=config)
    aspects = find_aspects(material, judged, config=config, scorecard=final)
    evaluation = evaluate(judged, aspects=aspects, **draws)
    points = learning_curve(judged, material, learning, **draws)
    return judged, aspects, replace(evaluation, learning=points)
