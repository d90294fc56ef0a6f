"""The report of a training: one page that needs nothing else, and its plots as files.

Written without a clock: the same training gives the same bytes.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from matplotlib.figure import Figure as Plot

from features.times import format_time
from models.bundle.bundle import Bundle
from models.scorecard.hazards import sigmoid
from training.baselines.registry import LABEL_OF_BASELINE
from training.bundling.build import TrainedModel
from training.evaluation.segments import WEEK
from training.evaluation.term_views import TermView, training_codes, view_terms
from training.report.html import Markup, page, picture, tag
from training.report.plots import (
    draw_baselines,
    draw_gains,
    draw_learning,
    draw_origins,
    draw_part,
    draw_reliability,
    draw_weeks,
)
from training.report.sections import (
    calibration_section,
    calls_section,
    checks_section,
    contents,
    figures_section,
    learning_section,
    making_section,
    others_section,
    parts_section,
    terms_section,
    time_section,
    verdict_section,
)
from training.report.term_plots import draw_curves, draw_pair

PAGE: Final = "report.html"
FIGURES: Final = "figures.json"
PLOTS: Final = "plots"
_DPI: Final = 110
# Screen pixels for an inch of plot.
_PIXELS: Final = 92


def write_report(made: TrainedModel, bundle: Bundle, *, folder: Path) -> Path:
    """Writes the page, its plots and all figures.

    Args:
        made: what the training found out.
        bundle: what came of it.
        folder: exists; gets `report.html`, `figures.json` and `plots/*.png`.

    Returns:
        The page.
    """
    album = _Album(folder / PLOTS)
    evaluation, card = made.evaluation, bundle.card
    for name, plot in _plots(made):
        album.keep(name, plot)
    views = view_terms(
        bundle.scorecard,
        bundle.feature_set,
        evaluation.distribution,
        training_codes(made.dataset, bundle.scorecard, seed=int(str(card.config["seed"]))),
    )
    title = f"LeadOdds: how good is this model? Conversion within {card.horizon_days:g} days"
    written = page(
        title,
        _head(title, made, bundle),
        verdict_section(evaluation, made.verdict, card),
        contents(),
        figures_section(evaluation),
        calibration_section(evaluation, album.show),
        calls_section(
            evaluation,
            album.show,
            amounts_known=made.evaluation_inputs.amounts_known,
            capacity_note=_capacity_note(made),
        ),
        time_section(evaluation, album.show),
        parts_section(evaluation, album.show),
        others_section(evaluation, album.show),
        learning_section(evaluation, album.show),
        terms_section(views, _term_plots(views, album, bundle)),
        checks_section(made.problems, card.notes),
        making_section(card),
    )
    (folder / FIGURES).write_text(
        json.dumps(evaluation.to_json(), indent=1, allow_nan=False), encoding="utf-8"
    )
    (folder / PAGE).write_text(written, encoding="utf-8")
    return folder / PAGE


class _Album:
    """The plots of a page, each also kept as a file."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        self._folder = folder
        self._widths: dict[str, int] = {}

    def keep(self, name: str, plot: Plot) -> None:
        """Writes a PNG without the name of the program and its version, so that bytes repeat."""
        written = io.BytesIO()
        plot.savefig(written, format="png", dpi=_DPI, metadata={"Software": None})
        (self._folder / f"{name}.png").write_bytes(written.getvalue())
        self._widths[name] = round(plot.get_size_inches()[0] * _PIXELS)

    def show(self, name: str, alt: str, caption: str) -> Markup:
        """Writes a plot into the page."""
        png = (self._folder / f"{name}.png").read_bytes()
        return picture(png, alt=alt, caption=caption, width=self._widths[name])


def _plots(made: TrainedModel) -> Iterator[tuple[str, Plot]]:
    """Draws the figures, by name of their file."""
    evaluation, days = made.evaluation, made.dataset.horizon_days
    yield (
        "reliability",
        draw_reliability(evaluation.reliability, sigmoid(made.predictions.predicted), horizon_days=days),
    )
    yield "gains", draw_gains(evaluation.gains_curve, evaluation.gains)
    yield "origins", draw_origins(evaluation.by_origin, horizon_days=days)
    for question, groups in evaluation.segments.items():
        draw = draw_weeks if question == WEEK else draw_part
        yield f"part_{question}", draw(groups, horizon_days=days)
    yield "yardsticks", draw_baselines(evaluation, LABEL_OF_BASELINE)
    if len(evaluation.learning_curve) > 1:
        yield "learning", draw_learning(evaluation.learning_curve)


def _term_plots(views: Sequence[TermView], album: _Album, bundle: Bundle) -> Iterator[Markup]:
    """Draws every term: pairs as maps after the curves."""
    edges = bundle.scorecard.time_edges_days
    first = f"first {edges[1]:g} days" if edges[1] != 1 else "first 24 hours"
    curves = [view for view in views if len(view.axes) == 1]
    for number, (shown, plot) in enumerate(draw_curves(curves, time_bin=first), 1):
        name = f"terms_{number:02d}"
        album.keep(name, plot)
        labels = "; ".join(view.axes[0].label for view in shown)
        yield album.show(
            name, f"Points by value of: {labels}.", f"Solid: main horizon; dotted: {first}. {labels}."
        )
    for number, view in enumerate((view for view in views if len(view.axes) > 1), 1):
        name = f"pair_{number:02d}"
        album.keep(name, draw_pair(view))
        labels = " × ".join(axis.label for axis in view.axes)
        yield album.show(
            name,
            f"Points of every combination of {labels}.",
            f"{labels}: what both together add beyond each alone.",
        )


def _head(title: str, made: TrainedModel, bundle: Bundle) -> Markup:
    """Tells what was judged, and on what."""
    card, origins = bundle.card, made.predictions.origins
    told = (
        f"Trained on {made.dataset.history.leads_count:,} leads, known from "
        f"{format_time(card.history_from)[:10]} "
        f"to {format_time(card.observed_until)[:10]}. Judged at {len(origins)} moments of the past on "
        f"{len(made.predictions.lead):,} examples (a lead at a moment) from "
        f"{format_time(origins[0].test_from)[:10]} to "
        f"{format_time(origins[-1].test_until)[:10]}, with {made.predictions.conversions:,} leads that "
        "converted. "
        f"Run {card.run_id}, features {card.feature_set}."
    )
    return Markup(f"<header>{tag('h1', title)}{tag('p', told, class_='lead')}</header>\n")


def _capacity_note(made: TrainedModel) -> str:
    """Says where the capacity of sales comes from."""
    capacity = made.evaluation_inputs.capacity
    if capacity is None:
        return "How many leads sales can call in a week is not known: configure sales_capacity_per_week."
    if capacity.is_derived:
        return (
            f"{capacity.leads_per_week:,.0f} leads a week is what sales called or visited in a "
            f"usual week of those "
            "judged; configure sales_capacity_per_week to ask about another number."
        )
    return f"{capacity.leads_per_week:,.0f} leads a week is the configured sales_capacity_per_week."
