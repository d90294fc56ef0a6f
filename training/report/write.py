"""The report of a training: one page that needs nothing else, and its plots as files.

Written without a clock: the same training gives the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from matplotlib.figure import Figure as Plot

from models.bundle.bundle import Bundle
from models.scorecard.hazards import sigmoid
from training.baselines.registry import LABEL_OF_BASELINE
from training.bundling.build import TrainedModel
from training.evaluation.segments import WEEK
from training.evaluation.term_views import training_codes, view_terms
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
from training.report.term_plots import draw_curves, draw_pair
from training.report.text import first_time_bin, term_label

PAGE: Final = "report.html"
FIGURES: Final = "figures.json"
PLOTS: Final = "plots"


def write_report(trained: TrainedModel, bundle: Bundle, *, folder: Path) -> Path:
    """Writes the page, its plots and all figures.

    Args:
        trained: the fit, its predictions and their evaluation.
        bundle: of the training.
        folder: exists; gets `report.html`, `figures.json` and `plots/*.png`.

    Returns:
        Path of the page.
    """
    evaluation, plots = trained.evaluation, folder / PLOTS
    plots.mkdir(exist_ok=True)
    views = view_terms(
        bundle.scorecard,
        bundle.feature_set,
        evaluation.distribution,
        training_codes(trained.dataset, bundle.scorecard, seed=int(str(bundle.card.config["seed"]))),
    )
    curves = [view for view in views if len(view.axes) == 1]
    pairs = [view for view in views if len(view.axes) > 1]
    time_bin = first_time_bin(bundle.scorecard)
    page = render_page(
        trained,
        bundle,
        views=views,
        pictures={name: _keep(plots / f"{name}.png", plot) for name, plot in _plots(trained)},
        curves=[
            (_keep(plots / f"terms_{number:02d}.png", plot), "; ".join(map(term_label, shown)))
            for number, (shown, plot) in enumerate(draw_curves(curves, time_bin=time_bin), 1)
        ],
        pairs=[
            (_keep(plots / f"pair_{number:02d}.png", draw_pair(view)), term_label(view))
            for number, view in enumerate(pairs, 1)
        ],
    )
    (folder / FIGURES).write_text(
        json.dumps(evaluation.to_json(), indent=1, allow_nan=False), encoding="utf-8"
    )
    (folder / PAGE).write_text(page, encoding="utf-8")
    return folder / PAGE


def _keep(file: Path, plot: Plot) -> Picture:
    """Writes a plot as a file, too."""
    picture = picture_of(plot)
    file.write_bytes(picture.png)
    return picture


def _plots(trained: TrainedModel) -> Iterator[tuple[str, Plot]]:
    """Draws the figures, by name of their file."""
    evaluation, days = trained.evaluation, trained.dataset.horizon_days
    yield (
        "reliability",
        draw_reliability(evaluation.reliability, sigmoid(trained.predictions.predicted), horizon_days=days),
    )
    yield "gains", draw_gains(evaluation.gains_curve, evaluation.gains)
    yield "origins", draw_origins(evaluation.by_origin, horizon_days=days)
    for question, groups in evaluation.segments.items():
        draw = draw_weeks if question == WEEK else draw_segment
        yield f"part_{question}", draw(groups, horizon_days=days)
    yield "yardsticks", draw_baselines(evaluation, LABEL_OF_BASELINE)
    if len(evaluation.learning_curve) > 1:
        yield "learning", draw_learning(evaluation.learning_curve)
