"""The tables of the report: every number with its interval and n."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from training.baselines.registry import LABEL_OF_BASELINE
from training.evaluation.figures import Estimates, Evaluation, SegmentFigures
from training.evaluation.gains import AT_CAPACITY, Gain
from training.evaluation.term_views import TermView
from training.metrics.bootstrap import Estimate
from training.report.html import Content, Markup, join, table, tag
from training.report.text import METRICS, percent

NONE = "–"


def metrics_table(caption: str, columns: Mapping[str, Estimates]) -> Markup:
    """Writes metrics down the rows, and populations or horizons across."""
    kept = {name: figures for name, figures in columns.items() if figures}
    counts = ["examples (n)", *(_plain(f"{next(iter(one.values())).n:,}") for one in kept.values())]
    rows: list[Sequence[Content]] = [counts]
    for metric, (name, _) in METRICS.items():
        cells = [
            figure_cell(figures[metric]) if metric in figures else _plain(NONE) for figures in kept.values()
        ]
        rows.append([name, *cells])
    return table(caption, ["figure [95 %]", *kept], rows)


def gains_table(gains: Mapping[str, Gain]) -> Markup:
    """Writes lift and capture."""
    has_revenue = any(gain.revenue is not None for gain in gains.values())
    head = ["called first", "lift, times", "of conversions", *(["of revenue"] if has_revenue else []), "n"]
    rows = []
    for name, gain in gains.items():
        called = percent(gain.share)
        if name == AT_CAPACITY:
            called = f"{gain.leads_per_week:,.0f} leads a week ({called})"
        cells = [figure_cell(gain.lift, digits=2), share_cell(gain.conversions)]
        if has_revenue:
            cells.append(_plain(NONE) if gain.revenue is None else share_cell(gain.revenue))
        rows.append([called, *cells, _plain(f"{gain.lift.n:,}")])
    return table("What the leads called first hold", head, rows)


def origins_table(records: Iterable[Mapping[str, Any]]) -> Markup:
    """Writes the origins in time."""
    head = ["test window", "n", "converted", "promised / happened", "slope", "AUC", "log loss", "skill",
            "shift needed", "shift added"]  # fmt: skip
    rows = []
    for record in records:
        metrics = {name: Estimate(**figure) for name, figure in record["metrics"].items()}
        names = ("calibration_in_the_large", "slope", "auc", "log_loss", "log_loss_skill")
        cells = [figure_cell(metrics[name]) if name in metrics else _plain(NONE) for name in names]
        needed = record["level_shift"]
        shifts = [NONE if needed is None else f"{needed:+.2f}", f"{record['level_shift_applied']:+.2f}"]
        counts = [f"{record['examples']:,}", f"{record['conversions']:,}"]
        window = f"{record['test_from'][:10]} to {record['test_until'][:10]}".replace(
            "-", "\N{NON-BREAKING HYPHEN}"
        )
        rows.append([window, *map(_plain, counts), *cells, *map(_plain, shifts)])
    return table("By origin: refitted with what was known, judged on the window after it", head, rows)


def part_table(caption: str, groups: Mapping[str, SegmentFigures]) -> Markup:
    """Writes the groups of a part."""
    names = ("calibration_in_the_large", "auc", "log_loss", "log_loss_skill", "lift_at_10")
    head = ["", "n", "converted", "promised", "happened", *(METRICS[name][0] for name in names)]
    rows = []
    for name, group in groups.items():
        cells = [figure_cell(group.metrics[one]) if one in group.metrics else _plain(NONE) for one in names]
        counts = [
            _plain(f"{group.examples:,}"),
            _plain(f"{group.conversions:,}"),
            _plain(percent(group.predicted)),
        ]
        rows.append([name, *counts, share_cell(group.observed), *cells])
    return table(caption, head, rows)


def yardsticks_table(evaluation: Evaluation) -> Markup:
    """Writes the models beside the scorecard, the best log loss first."""
    names = (
        "log_loss",
        "log_loss_skill",
        "brier_skill",
        "auc",
        "average_precision",
        "calibration_in_the_large",
        "calibration_error",
    )
    head = ["model", *(METRICS[name][0] for name in names), "scorecard's log loss less its", "n"]
    order = sorted(evaluation.baselines.items(), key=lambda one: one[1]["log_loss"].value)
    rows: list[Sequence[Content]] = [_model_row("the scorecard", evaluation.metrics, names, NONE)]
    for name, figures in order:
        difference = figure_cell(evaluation.differences[name], digits=5)
        rows.append(_model_row(LABEL_OF_BASELINE.get(name, name), figures, names, difference))
    return table("The scorecard beside other models, the same test examples", head, rows)


def learning_table(evaluation: Evaluation) -> Markup:
    """Writes the learning curve."""
    rows = [
        [percent(point.share), _plain(f"{point.leads:,}"), _plain(f"{point.conversions:,}"),
         figure_cell(point.log_loss, digits=4), figure_cell(point.against_all, digits=5),
         _plain(f"{point.log_loss.n:,}")]
        for point in evaluation.learning_curve
    ]  # fmt: skip
    head = ["of the leads", "leads", "conversions", "log loss", "less that of all", "n"]
    return table("Refitted at the last origin on a part of the leads", head, rows)


def terms_table(views: Sequence[TermView]) -> Markup:
    """Writes how much every term moves."""
    rows = [
        [" × ".join(axis.label for axis in view.axes), _plain(f"{view.weight:.3f}"),
         _plain(f"{view.points.min():+.2f}"), _plain(f"{view.points.max():+.2f}")]
        for view in views
    ]  # fmt: skip
    head = ["term", "moves on average", "least", "most"]
    return table(f"The {len(views)} terms, points in log-odds at the main horizon", head, rows)


def pairs_table(caption: str, head: Sequence[str], facts: Mapping[str, object]) -> Markup:
    """Writes names and what they are."""
    return table(caption, head, [[name, str(fact)] for name, fact in facts.items()])


def figure_cell(figure: Estimate, *, digits: int = 3) -> Markup:
    """Writes a figure with its interval under it, if it has one.

    >>> figure_cell(Estimate(float("inf"), float("nan"), float("nan"), 9))  # a slope without a maximum
    '∞'
    """
    value, low, high = (number_text(number, digits) for number in (figure.value, figure.low, figure.high))
    return join((value, "" if NONE in (low, high) else tag("span", f"{low} to {high}", class_="range")))


def number_text(number: float | None, digits: int) -> str:
    """Writes a number; a dash where there is none, as JSON keeps what is not finite.

    >>> number_text(1.23456, 3), number_text(float("-inf"), 3), number_text(None, 3)
    ('1.235', '−∞', '–')
    """
    if number is None or math.isnan(number):
        return NONE
    if math.isinf(number):
        return "∞" if number > 0 else "−∞"
    return f"{number:.{digits}f}"


def share_cell(figure: Estimate) -> Markup:
    """Writes a figure in percent with its interval under it."""
    return join(
        (
            percent(figure.value),
            tag("span", f"{percent(figure.low)} to {percent(figure.high)}", class_="range"),
        )
    )


def _model_row(name: str, figures: Estimates, metrics: Sequence[str], difference: Content) -> list[Content]:
    """Writes the row of one model."""
    told = difference if isinstance(difference, Markup) else _plain(difference)
    return [name, *(figure_cell(figures[one]) for one in metrics), told, _plain(f"{figures['log_loss'].n:,}")]


def _plain(text: str) -> Markup:
    """Sets a number to the right, as figures are."""
    return join((text,))
