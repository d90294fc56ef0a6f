"""Sentences about the figures: for those who call leads and for those who retrain models."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from features.times import format_time
from models.bundle.card import Card
from models.scorecard.scorecard import Scorecard
from training.baselines.logistic import LOGISTIC
from training.baselines.registry import LABEL_OF_BASELINE
from training.baselines.rule_points import RULE_POINTS
from training.bundling.build import TrainedModel
from training.evaluation.figures import Evaluation
from training.evaluation.gains import AT_CAPACITY
from training.evaluation.inputs import EvaluationInputs
from training.evaluation.learning_curve import conclude
from training.evaluation.term_views import TermView
from training.metrics.bootstrap import Estimate

# Name, unit and meaning of every metric, in the order of the report.
METRICS: Final[Mapping[str, tuple[str, str]]] = {
    "auc": ("AUC", "how often a lead that converts was predicted above one that does not; 0.5 is chance"),
    "average_precision": ("average precision", "over all cuts of the ranking; the base rate is chance"),
    "log_loss": ("log loss", "nats an example; lower is better"),
    "log_loss_skill": ("log-loss skill", "share of the best constant's log loss that is saved"),
    "brier": ("Brier score", "mean squared distance of prediction and outcome; lower is better"),
    "brier_skill": ("Brier skill", "share of the best constant's Brier score that is saved"),
    "calibration_in_the_large": ("promised / happened", "expected over observed conversions; 1 is right"),
    "slope": ("calibration slope", "below 1 predictions are too far apart, above 1 too close together"),
    "intercept": ("calibration intercept", "log-odds, beside the slope; 0 is right"),
    "calibration_error": ("calibration error", "a probability, debiased, 15 bins of equal mass; 0 is right"),
    "lift_at_10": ("lift at 10 %", "how many times as often as all leads the best tenth converts"),
}  # fmt: skip


def figure_text(figure: Estimate, *, digits: int = 3) -> str:
    """Formats a figure with its interval.

    >>> figure_text(Estimate(1.23456, 1.1, 1.3, 9))
    '1.235 [1.100, 1.300]'
    """
    value, low, high = (f"{number:.{digits}f}" for number in (figure.value, figure.low, figure.high))
    return f"{value} [{low}, {high}]"


def percent_text(figure: Estimate) -> str:
    """Formats a figure in percent, with its interval.

    >>> percent_text(Estimate(0.0312, 0.028, 0.035, 9))
    '3.1 % [2.8 %, 3.5 %]'
    """
    value, low, high = (percent(number) for number in (figure.value, figure.low, figure.high))
    return f"{value} [{low}, {high}]"


def percent(number: float) -> str:
    """Formats a share in percent with two significant digits; whole percent from 10 on.

    >>> percent(0.5), percent(0.0312), percent(0.00123)
    ('50 %', '3.1 %', '0.12 %')
    """
    return f"{100 * number:.0f} %" if abs(number) >= 0.0995 else f"{100 * number:.2g} %"


def share_text(figure: Estimate, *, of: float = 1.0, digits: int = 1) -> str:
    """Formats a difference relative to a whole, in percent with its sign and its interval.

    >>> share_text(Estimate(-0.01, -0.02, 0.005, 900), of=0.1)
    '-10.0 % [-20.0 %, +5.0 %]'
    """
    value, low, high = (
        f"{100 * number / of:+.{digits}f} %" for number in (figure.value, figure.low, figure.high)
    )
    return f"{value} [{low}, {high}]"


def verdict_sentences(evaluation: Evaluation, *, horizon_days: float) -> Iterator[str]:
    """Sums up the figures, the most useful sentence first."""
    yield from _who_to_call(evaluation, horizon_days)
    yield _ordering(evaluation)
    yield _level(evaluation)
    yield from _beside(evaluation)
    if len(evaluation.learning_curve) > 1:
        yield conclude(evaluation.learning_curve)


def coverage_sentence(evaluation: Evaluation) -> str:
    """Sums up the coverage of the plausible ranges."""
    covered = evaluation.coverage
    if covered is None:
        return (
            "Plausible ranges were not evaluated: the model has no replicas, and too few origins show how "
            "its level varies."
        )
    verdict = "nothing contradicts the ranges"
    if covered.high < 0.9:
        verdict = "the ranges are too narrow"
    return (
        f"Of {covered.n} cells (origin by bin of equal mass) {percent_text(covered)} agree with the 90 % "
        f"range predicted for them: {verdict}. At least 90 % are expected, more where errors cancel within a "
        "cell; the true probability of a single lead is never observed."
    )


def cost_sentence(evaluation: Evaluation) -> str:
    """Says what additivity costs."""
    cost = evaluation.cost_of_additivity
    if cost is None:
        return "The unrestricted hazard was not fitted, so the cost of additivity is not known."
    return (
        "The cost of additivity, the log loss above that of the same fit without any restriction, as a "
        f"share of it, is {share_text(cost, digits=2)}, n = {cost.n:,}; below zero the additive model "
        "is better."
    )


def call_notes(evaluation: Evaluation, inputs: EvaluationInputs) -> Iterator[str]:
    """Says where the capacity of sales comes from, and how many of the amounts are known."""
    capacity = inputs.capacity
    if capacity is None:
        yield "How many leads sales can call in a week is not known: configure sales_capacity_per_week."
    elif capacity.is_derived:
        yield (
            f"{capacity.leads_per_week:,.0f} leads a week is what sales called or visited in a usual week of "
            "the test windows; configure sales_capacity_per_week for another number."
        )
    else:
        yield f"{capacity.leads_per_week:,.0f} leads a week is the configured sales_capacity_per_week."
    if any(gain.revenue is not None for gain in evaluation.gains.values()):
        yield (
            f"The amount is known of {100 * inputs.amounts_known:.0f} % of the conversions; the others count "
            "as zero."
        )


def lead_sentence(trained: TrainedModel, card: Card) -> str:
    """Says what was evaluated, and on what."""
    predictions, origins = trained.predictions, trained.predictions.origins
    return (
        f"Trained on {trained.dataset.history.leads_count:,} leads, known from {_day(card.history_from)} to "
        f"{_day(card.observed_until)}. Evaluated at {len(origins)} moments of the past on "
        f"{len(predictions.lead):,} examples (a lead at a moment) from {_day(origins[0].test_from)} to "
        f"{_day(origins[-1].test_until)}, with {predictions.conversions:,} leads that converted. "
        f"Run {card.run_id}, features {card.feature_set}."
    )


def first_time_bin(scorecard: Scorecard) -> str:
    """Names the first time bin."""
    days = scorecard.time_edges_days[1]
    return "first 24 hours" if days == 1 else f"first {days:g} days"


def term_label(view: TermView) -> str:
    """Names a term by the features that it is of."""
    return " × ".join(axis.label for axis in view.axes)


def _day(instant: int) -> str:
    return format_time(instant)[:10]


def _who_to_call(evaluation: Evaluation, horizon_days: float) -> Iterator[str]:
    """Says what calling the best leads first captures."""
    tenth = evaluation.gains.get("at_10")
    if tenth is not None:
        yield (
            f"Calling the best tenth of the open leads first reaches {percent_text(tenth.conversions)} of "
            f"all conversions within {horizon_days:g} days: {figure_text(tenth.lift, digits=1)} times as "
            "many as calling in any order."
        )
    capacity = evaluation.gains.get(AT_CAPACITY)
    if capacity is not None and capacity.leads_per_week is not None:
        revenue = "" if capacity.revenue is None else f", and {percent_text(capacity.revenue)} of the revenue"
        yield (
            f"With the {capacity.leads_per_week:,.0f} leads that sales can call in a week, "
            f"{percent(capacity.share)} of those open, it would have reached "
            f"{percent_text(capacity.conversions)} of the conversions{revenue}."
        )


def _ordering(evaluation: Evaluation) -> str:
    """Says how well the model ranks leads."""
    auc = evaluation.metrics["auc"]
    caution = (
        " Above 95 in 100, look for an attribute that is filled in after the sale."
        if auc.value > 0.95
        else ""
    )
    return (
        f"Of a lead that converts and one that does not, the first had the higher probability "
        f"{100 * auc.value:.0f} times in 100 [{100 * auc.low:.0f}, {100 * auc.high:.0f}].{caution}"
    )


def _level(evaluation: Evaluation) -> str:
    """Says whether the level of the probabilities is right."""
    level = evaluation.metrics["calibration_in_the_large"]
    predicted, low, high = (f"{100 * number:.0f}" for number in (level.value, level.low, level.high))
    sentence = f"For every 100 conversions that happened, {predicted} [{low}, {high}] had been promised"
    if level.low > 1:
        return f"{sentence}: the probabilities are somewhat too high on later leads."
    if level.high < 1:
        return f"{sentence}: the probabilities are somewhat too low on later leads."
    return f"{sentence}: the level is right as far as can be told."


def _beside(evaluation: Evaluation) -> Iterator[str]:
    """Compares the model with the baselines."""
    for name in (RULE_POINTS, LOGISTIC):
        if (difference := evaluation.differences.get(name)) is not None:
            loss = evaluation.baselines[name]["log_loss"].value
            yield f"{_compared(difference, loss)} {LABEL_OF_BASELINE[name]}."
    cost = evaluation.cost_of_additivity
    if cost is not None:
        yield f"Additivity {_cost(cost)}: log loss {share_text(cost)} against the same fit unrestricted."


def failure_sentences(evaluation: Evaluation) -> list[str]:
    """Says of each baseline that could not be fitted where and why."""
    return [
        f"The model \u201c{LABEL_OF_BASELINE.get(name, name)}\u201d could not be fitted {reason}."
        for name, reason in evaluation.failed_baselines.items()
    ]


def _compared(difference: Estimate, loss: float) -> str:
    """Says which model is more accurate, relative to the log loss of the baseline."""
    ends = share_text(difference, of=loss)
    if difference.high < 0:
        return f"It is more accurate (log loss {ends}) than"
    if difference.low > 0:
        return f"It is less accurate (log loss {ends}) than"
    return f"It cannot be distinguished (log loss {ends}) from"


def _cost(cost: Estimate) -> str:
    """Says what additivity costs."""
    if cost.low > 0:
        return "costs something"
    return (
        "costs nothing; the additive model is the better one" if cost.high < 0 else "costs nothing measurable"
    )
