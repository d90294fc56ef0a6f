"""The report of a training: one page that needs nothing else, and its plots as files.

Written without a clock: the same training gives the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import joblib
from matplotlib.figure import Figure as Plot

from features.progress import Progress, silent
from models.bundle.bundle import Bundle
from models.scorecard.hazards import sigmoid
from training.backtesting.parallel import run_jobs
from training.baselines.registry import LABEL_OF_BASELINE
from training.bundling.build import TrainedModel
from training.evaluation.segments import WEEK
from training.evaluation.term_views import TermView, training_codes, view_terms
from training.report.page import Picture, picture_of, render_page
from training.report.plots import (
    draw_baselines,
    draw_gains,
    draw_learning,
    draw_origins,
    draw_reliability,
    draw_segment,
    draw_weeks,
)
from training.report.term_plots import curve_pages, draw_curves, draw_pair, highest_points
from training.report.text import first_time_bin, term_label

PAGE: Final = "report.html"
FIGURES: Final = "figures.json"
PLOTS: Final = "plots"


@dataclass(frozen=True, slots=True)
class Drawing:
    """A plot to be drawn, in whichever process.

    Attributes:
        name: of its file.
        draw: makes the plot.
        arguments: of `draw`, by name.
        terms: that it shows, if it shows terms.
    """

    name: str
    draw: Callable[..., Plot]
    arguments: dict[str, Any]
    terms: list[TermView] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class StartedReport:
    """A report whose plots are being drawn.

    Attributes:
        trained: the fit, its predictions and their evaluation.
        bundle: of the training.
        views: of its terms.
        of_figures: plots of the figures.
        of_curves: of the terms of one feature.
        of_pairs: of the terms of two.
        drawn: the pictures, in this order.
    """

    trained: TrainedModel
    bundle: Bundle
    views: Sequence[TermView]
    of_figures: Sequence[Drawing]
    of_curves: Sequence[Drawing]
    of_pairs: Sequence[Drawing]
    drawn: Iterator[Picture]

    def write(self, folder: Path) -> Path:
        """Waits for the plots and writes the page, its plots and all figures.

        Args:
            folder: exists; gets `report.html`, `figures.json` and `plots/*.png`.

        Returns:
            Path of the page.
        """
        plots = folder / PLOTS
        plots.mkdir(exist_ok=True)
        drawings = [*self.of_figures, *self.of_curves, *self.of_pairs]
        pictures = {}
        for drawing, picture in zip(drawings, self.drawn, strict=True):
            (plots / f"{drawing.name}.png").write_bytes(picture.png)
            pictures[drawing.name] = picture
        curves, pairs = (
            [(pictures[each.name], "; ".join(map(term_label, each.terms))) for each in of_terms]
            for of_terms in (self.of_curves, self.of_pairs)
        )
        page = render_page(
            self.trained,
            self.bundle,
            views=self.views,
            pictures={drawing.name: pictures[drawing.name] for drawing in self.of_figures},
            curves=curves,
            pairs=pairs,
        )
        (folder / FIGURES).write_text(
            json.dumps(self.trained.evaluation.to_json(), indent=1, allow_nan=False), encoding="utf-8"
        )
        (folder / PAGE).write_text(page, encoding="utf-8")
        return folder / PAGE


def start_report(
    trained: TrainedModel, bundle: Bundle, *, workers: int = 1, progress: Progress = silent
) -> StartedReport:
    """Starts to draw the plots of a report.

    Args:
        trained: the fit, its predictions and their evaluation.
        bundle: of the training.
        workers: processes that draw at once.
        progress: called after each plot.
    """
    evaluation = trained.evaluation
    views = view_terms(
        bundle.scorecard,
        bundle.feature_set,
        evaluation.distribution,
        training_codes(trained.dataset, bundle.scorecard, seed=int(str(bundle.card.config["seed"]))),
    )
    of_figures = list(_drawings_of_figures(trained))
    of_curves = list(_drawings_of_curves(views, time_bin=first_time_bin(bundle.scorecard)))
    of_pairs = list(_drawings_of_pairs(views))
    jobs = [joblib.delayed(_draw)(drawing) for drawing in (*of_figures, *of_curves, *of_pairs)]
    drawn = run_jobs(jobs, workers=workers, stage="report", progress=progress)
    return StartedReport(trained, bundle, views, of_figures, of_curves, of_pairs, drawn)


def _draw(drawing: Drawing) -> Picture:
    """Draws a plot as the page shows it."""
    return picture_of(drawing.draw(**drawing.arguments))


def _drawings_of_curves(views: Sequence[TermView], *, time_bin: str) -> Iterator[Drawing]:
    """Plans the plots of the terms of one feature."""
    curves = [view for view in views if len(view.axes) == 1]
    most = highest_points(curves)
    for number, shown in enumerate(curve_pages(curves), 1):
        arguments = {"views": shown, "most": most, "time_bin": time_bin}
        yield Drawing(f"terms_{number:02d}", draw_curves, arguments, shown)


def _drawings_of_pairs(views: Sequence[TermView]) -> Iterator[Drawing]:
    """Plans the plots of the terms of two features."""
    for number, view in enumerate((view for view in views if len(view.axes) > 1), 1):
        yield Drawing(f"pair_{number:02d}", draw_pair, {"view": view}, [view])


def _drawings_of_figures(trained: TrainedModel) -> Iterator[Drawing]:
    """Plans the plots of the figures."""
    evaluation = trained.evaluation
    days = {"horizon_days": trained.dataset.horizon_days}
    probability = sigmoid(trained.predictions.predicted)
    yield Drawing(
        "reliability", draw_reliability, {"bins": evaluation.reliability, "probability": probability, **days}
    )
    yield Drawing("gains", draw_gains, {"curve": evaluation.gains_curve, "gains": evaluation.gains})
    yield Drawing("origins", draw_origins, {"records": evaluation.by_origin, **days})
    for question, groups in evaluation.segments.items():
        draw = draw_weeks if question == WEEK else draw_segment
        yield Drawing(f"part_{question}", draw, {"groups": groups, **days})
    yield Drawing("yardsticks", draw_baselines, {"evaluation": evaluation, "names": dict(LABEL_OF_BASELINE)})
    if len(evaluation.learning_curve) > 1:
        yield Drawing("learning", draw_learning, {"points": evaluation.learning_curve})
