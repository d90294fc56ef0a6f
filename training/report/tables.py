"""The tables of the report: every number with its interval and n."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from features.findings.problems import Problem
from training.baselines.registry import LABEL_OF_BASELINE
from training.evaluation.calibration import ReliabilityBin
from training.evaluation.fairness import GroupFigures
from training.evaluation.figures import Estimates, Evaluation, SegmentFigures
from training.evaluation.gains import AT_CAPACITY, Gain
from training.evaluation.held_out import HeldOutComparison
from training.evaluation.term_views import TermView
from training.metrics.bootstrap import Estimate
from training.report.text import METRICS, figure_text, percent, term_label

NONE = "–"


@dataclass(frozen=True, slots=True)
class Number:
    """A cell that holds a number; it is set to the right.

    Attributes:
        text: the number.
        interval: shown under it; empty where there is none.
    """

    text: str
    interval: str = ""


Row = Sequence[str | Number]


@dataclass(frozen=True, slots=True)
class Table:
    """A table of the page.

    Attributes:
        caption: what it shows.
        head: names of the columns.
        rows: as many cells each; the first is the heading of the row.
    """

    caption: str
    head: Sequence[str]
    rows: Sequence[Row]

    def is_text(self, column: int) -> bool:
        """Whether a column holds text, as its first cell tells."""
        return bool(self.rows) and isinstance(self.rows[0][column], str)


def metrics_table(caption: str, columns: Mapping[str, Estimates]) -> Table:
    """Writes a row per metric and a column per population or horizon."""
    kept = {name: figures for name, figures in columns.items() if figures}
    counts: Row = [
        "examples (n)",
        *(Number(f"{next(iter(estimates.values())).n:,}") for estimates in kept.values()),
    ]
    rows: list[Row] = [counts]
    for metric, (name, _) in METRICS.items():
        cells = [
            figure_cell(figures[metric]) if metric in figures else Number(NONE) for figures in kept.values()
        ]
        rows.append([name, *cells])
    return Table(caption, ["figure [95 %]", *kept], rows)


def reliability_table(bins: Iterable[ReliabilityBin]) -> Table:
    """Writes the bins of equal mass."""
    rows: list[Row] = [
        [f"{bin_.predicted:.4f}", Number(figure_text(bin_.observed, digits=4)),
         Number(f"{bin_.conversions:,}"), Number(f"{bin_.observed.n:,}")]
        for bin_ in bins
    ]  # fmt: skip
    return Table("The same in numbers", ["promised", "happened [95 %]", "converted", "n"], rows)


def gains_table(gains: Mapping[str, Gain]) -> Table:
    """Writes lift and capture."""
    has_revenue = any(gain.revenue is not None for gain in gains.values())
    head = ["called first", "lift, times", "of conversions", *(["of revenue"] if has_revenue else []), "n"]
    rows: list[Row] = []
    for name, gain in gains.items():
        called = percent(gain.share)
        if name == AT_CAPACITY:
            called = f"{gain.leads_per_week:,.0f} leads a week ({called})"
        cells = [figure_cell(gain.lift, digits=2), share_cell(gain.conversions)]
        if has_revenue:
            cells.append(Number(NONE) if gain.revenue is None else share_cell(gain.revenue))
        rows.append([called, *cells, Number(f"{gain.lift.n:,}")])
    return Table("What the leads called first hold", head, rows)


def origins_table(records: Iterable[Mapping[str, Any]]) -> Table:
    """Writes the origins in time."""
    head = ["test window", "n", "converted", "promised / happened", "slope", "AUC", "log loss", "skill",
            "shift needed", "shift added"]  # fmt: skip
    rows: list[Row] = []
    for record in records:
        metrics = {name: Estimate(**figure) for name, figure in record["metrics"].items()}
        names = ("calibration_in_the_large", "slope", "auc", "log_loss", "log_loss_skill")
        cells = [figure_cell(metrics[name]) if name in metrics else Number(NONE) for name in names]
        needed = record["level_shift"]
        shifts = [NONE if needed is None else f"{needed:+.2f}", f"{record['level_shift_applied']:+.2f}"]
        counts = [f"{record['examples']:,}", f"{record['conversions']:,}"]
        window = f"{record['test_from'][:10]} to {record['test_until'][:10]}".replace(
            "-", "\N{NON-BREAKING HYPHEN}"
        )
        rows.append([window, *map(Number, counts), *cells, *map(Number, shifts)])
    return Table("By origin: refitted with what was known, evaluated on the window after it", head, rows)


def segment_table(caption: str, groups: Mapping[str, SegmentFigures]) -> Table:
    """Writes the groups of a segment."""
    names = ("calibration_in_the_large", "auc", "log_loss", "log_loss_skill", "lift_at_10")
    head = ["", "n", "converted", "promised", "happened", *(METRICS[name][0] for name in names)]
    rows: list[Row] = []
    for name, group in groups.items():
        cells = [
            figure_cell(group.metrics[metric]) if metric in group.metrics else Number(NONE)
            for metric in names
        ]
        counts = [
            Number(f"{group.examples:,}"),
            Number(f"{group.conversions:,}"),
            Number(percent(group.predicted)),
        ]
        rows.append([name, *counts, share_cell(group.observed), *cells])
    return Table(caption, head, rows)


def fairness_table(caption: str, groups: Mapping[str, GroupFigures]) -> Table:
    """Writes the groups of an attribute."""
    head = ["", "leads", "n", "promised", "happened", "happened / promised"]
    head += [METRICS["auc"][0], METRICS["log_loss_skill"][0], "share in the highest band"]
    rows: list[Row] = [
        [
            name,
            Number(f"{group.leads:,}"),
            Number(f"{group.examples:,}"),
            Number(percent(group.expected)),
            share_cell(group.observed),
            figure_cell(group.ratio),
            Number(NONE) if group.auc is None else figure_cell(group.auc),
            Number(NONE) if group.skill is None else figure_cell(group.skill),
            share_cell(group.top_share),
        ]
        for name, group in groups.items()
    ]
    return Table(caption, head, rows)


def held_out_table(compared: HeldOutComparison) -> Table:
    """Writes the leads ranked by chance and the others, and what differs."""
    head = ["", "accounts or leads", "n", "happened", "happened / promised"]
    rows: list[Row] = [
        [name, Number(f"{count:,}"), Number(f"{rate.n:,}"), share_cell(rate), figure_cell(level, digits=2)]
        for name, count, rate, level in zip(
            ("held out", "others"), compared.leads, compared.rates, compared.levels, strict=True
        )
    ]
    difference = compared.difference
    rows.append(
        [
            "others less held out; held out over others",
            Number(f"{sum(compared.leads):,}"),
            Number(f"{difference.n:,}"),
            share_cell(difference),
            figure_cell(compared.bend, digits=2),
        ]
    )
    return Table("Leads held out of the list, ranked by chance, beside the others", head, rows)


def baselines_table(evaluation: Evaluation) -> Table:
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
    order = sorted(evaluation.baselines.items(), key=lambda item: item[1]["log_loss"].value)
    rows: list[Row] = [_model_row("the scorecard", evaluation.metrics, names, Number(NONE))]
    for name, figures in order:
        difference = figure_cell(evaluation.differences[name], digits=5)
        rows.append(_model_row(LABEL_OF_BASELINE.get(name, name), figures, names, difference))
    rows += [
        [LABEL_OF_BASELINE.get(name, name), "failed", *[Number(NONE)] * (len(head) - 2)]
        for name in evaluation.failed_baselines
    ]
    caption = (
        "The scorecard, on all test examples, beside other models, on those of the origins where they were "
        "fitted; a difference of log loss is on the same examples"
    )
    return Table(caption, head, rows)


def learning_table(evaluation: Evaluation) -> Table:
    """Writes the learning curve."""
    rows: list[Row] = [
        [percent(point.share), Number(f"{point.leads:,}"), Number(f"{point.conversions:,}"),
         figure_cell(point.log_loss, digits=4), figure_cell(point.against_all, digits=5),
         Number(f"{point.log_loss.n:,}")]
        for point in evaluation.learning_curve
    ]  # fmt: skip
    head = ["of the leads", "leads", "conversions", "log loss", "less that of all", "n"]
    return Table("Refitted at the last origin on a part of the leads", head, rows)


def terms_table(views: Sequence[TermView]) -> Table:
    """Writes the contribution of every term."""
    rows: list[Row] = [
        [term_label(view), Number(f"{view.weight:.3f}"),
         Number(f"{view.points.min():+.2f}"), Number(f"{view.points.max():+.2f}")]
        for view in views
    ]  # fmt: skip
    head = ["term", "moves on average", "least", "most"]
    return Table(f"The {len(views)} terms, points in log-odds at the main horizon", head, rows)


def findings_table(problems: Iterable[Problem]) -> Table:
    """Writes what the checks found."""
    rows: list[Row] = [
        [problem.code, problem.stops or "nothing", f"{problem.sentence} ({problem.count:,})", problem.remedy]
        for problem in problems
    ]
    return Table("Findings", ["code", "stops", "what and how many", "remedy"], rows)


def pairs_table(caption: str, head: Sequence[str], facts: Mapping[str, object]) -> Table:
    """Writes pairs of name and value."""
    return Table(caption, head, [[name, str(fact)] for name, fact in facts.items()])


def figure_cell(figure: Estimate, *, digits: int = 3) -> Number:
    """Writes a figure with its interval under it, if it has one.

    >>> figure_cell(Estimate(float("inf"), float("nan"), float("nan"), 9))  # a slope without a maximum
    Number(text='∞', interval='')
    """
    value, low, high = (number_text(number, digits) for number in (figure.value, figure.low, figure.high))
    return Number(value, "" if NONE in (low, high) else f"{low} to {high}")


def number_text(number: float | None, digits: int) -> str:
    """Writes a number; a dash for None and NaN.

    >>> number_text(1.23456, 3), number_text(float("-inf"), 3), number_text(None, 3)
    ('1.235', '−∞', '–')
    """
    if number is None or math.isnan(number):
        return NONE
    if math.isinf(number):
        return "∞" if number > 0 else "−∞"
    return f"{number:.{digits}f}"


def share_cell(figure: Estimate) -> Number:
    """Writes a figure in percent with its interval under it."""
    return Number(percent(figure.value), f"{percent(figure.low)} to {percent(figure.high)}")


def _model_row(name: str, figures: Estimates, metrics: Sequence[str], difference: Number) -> Row:
    """Writes the row of one model."""
    cells = [figure_cell(figures[metric]) for metric in metrics]
    return [name, *cells, difference, Number(f"{figures['log_loss'].n:,}")]
