"""Fills the templates of the page: every text is escaped, and the page's own policy forbids scripts."""

from __future__ import annotations

import base64
import hashlib
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from matplotlib.figure import Figure as Plot

from models.bundle.bundle import Bundle
from models.registry.runs import flatten
from training.bundling.build import TrainedModel
from training.evaluation.fairness import Fairness
from training.evaluation.figures import Evaluation
from training.evaluation.held_out import HeldOutComparison
from training.evaluation.learning_curve import conclude
from training.evaluation.segments import AGE, WEEK
from training.evaluation.term_views import TermView
from training.report.tables import (
    Table,
    baselines_table,
    fairness_table,
    findings_table,
    gains_table,
    held_out_table,
    learning_table,
    metrics_table,
    origins_table,
    pairs_table,
    reliability_table,
    segment_table,
    terms_table,
)
from training.report.text import (
    METRICS,
    call_notes,
    cost_sentence,
    coverage_sentence,
    failure_sentences,
    figure_text,
    first_time_bin,
    lead_sentence,
    verdict_sentences,
)

_PACKAGE: Final = "training.report"
_NAMES_OF_POPULATIONS: Final = {
    "unseen_leads": "unseen leads",
    "grid": "at night (grid)",
    "creation": "at creation",
}
_DPI: Final = 110
# Screen pixels for an inch of plot.
_PIXELS: Final = 92
_TITLES_OF_SEGMENTS: Final = {AGE: "By age of the lead", WEEK: "By week"}


@dataclass(frozen=True, slots=True)
class Picture:
    """A plot as the page shows it.

    Attributes:
        png: the file.
        width: on the screen, pixels.
    """

    png: bytes
    width: int

    @property
    def source(self) -> str:
        """The plot as an address that holds it."""
        return "data:image/png;base64," + base64.b64encode(self.png).decode("ascii")


def picture_of(plot: Plot) -> Picture:
    """Draws a plot as a PNG without the name of the program and its version, so that bytes repeat."""
    written = io.BytesIO()
    plot.savefig(written, format="png", dpi=_DPI, metadata={"Software": None})
    return Picture(written.getvalue(), width=round(plot.get_size_inches()[0] * _PIXELS))


# Pictures of terms, each with the labels of the features that it shows.
Labelled = Sequence[tuple[Picture, str]]


def render_page(
    trained: TrainedModel,
    bundle: Bundle,
    *,
    views: Sequence[TermView],
    pictures: Mapping[str, Picture],
    curves: Labelled,
    pairs: Labelled,
) -> str:
    """Writes the page of a training.

    Args:
        trained: the fit, its predictions and their evaluation.
        bundle: of the training.
        views: of every term.
        pictures: by name of the plot.
        curves: of the terms of one feature.
        pairs: of the terms of two features.
    """
    evaluation, card = trained.evaluation, bundle.card
    answer, *sentences = verdict_sentences(evaluation, horizon_days=card.horizon_days)
    return fill(
        "report.html",
        title=f"LeadOdds: how good is this model? Conversion within {card.horizon_days:g} days",
        lead=lead_sentence(trained, card),
        answer=answer,
        sentences=[*sentences, trained.verdict.sentence],
        failed_rules=[row.sentence for row in trained.verdict.rows if not row.passed],
        pictures=pictures,
        call_notes=list(call_notes(evaluation, trained.evaluation_inputs)),
        held_out=None if card.held_out is None else held_out_facts(evaluation.held_out),
        curves=curves,
        pairs=pairs,
        first_time_bin=first_time_bin(bundle.scorecard),
        terms=terms_table(views),
        findings=findings_table(trained.problems) if trained.problems else None,
        notes=card.notes,
        making=[
            pairs_table("Learnt from", ["key", "value"], flatten(dict(card.trained_on))),
            pairs_table("Configuration", ["key", "value"], flatten(dict(card.config))),
            pairs_table("Libraries", ["key", "value"], card.library_versions),
        ],
        **_figures(evaluation),
    )


def held_out_facts(compared: HeldOutComparison | None) -> dict[str, Any]:
    """Gives what the pages show of held-out leads: sentences, and a table where there are enough."""
    if compared is None:
        return {"sentences": ["Too few leads of both groups converted to compare them."], "table": None}
    return {"sentences": compared.sentences, "table": held_out_table(compared)}


def fairness_tables(fairness: Fairness) -> list[Table]:
    """Writes a table for each attribute whose groups are compared."""
    return [fairness_table(f"By {name.replace('_', ' ')}", groups) for name, groups in fairness.items()]


def fill(template: str, **facts: Any) -> str:
    """Fills a template.

    Args:
        template: its name.
        facts: its variables.

    Raises:
        UndefinedError: of Jinja2, where a variable of the template is missing.
    """
    return _environment().get_template(template).render(**facts)


def _figures(evaluation: Evaluation) -> dict[str, Any]:
    """Gives the variables of the sections about figures."""
    whole = {**evaluation.metrics, "slope": evaluation.slope, "intercept": evaluation.intercept}
    groups = {_NAMES_OF_POPULATIONS.get(name, name): group for name, group in evaluation.populations.items()}
    horizons = {f"{days:g} days": figures for days, figures in evaluation.horizons.items()}
    ways = {name.replace("_", " "): figures for name, figures in evaluation.recalibrations.items()}
    curve = evaluation.learning_curve
    return {
        "metrics": metrics_table("Main horizon, pooled over origins", {"all test leads": whole, **groups}),
        "horizons": metrics_table("By horizon, as far as the history reaches", horizons)
        if horizons
        else None,
        "meanings": pairs_table("Metrics", ["figure", "unit and meaning"], dict(METRICS.values())),
        "reliability": reliability_table(evaluation.reliability),
        "level_before_shift": figure_text(evaluation.level_before_shift),
        "coverage": coverage_sentence(evaluation),
        "recalibrations": metrics_table(
            "Ways to set the level, at the origins with matured labels to learn from", ways
        )
        if ways
        else None,
        "gains": gains_table(evaluation.gains),
        "origins": origins_table(evaluation.by_origin),
        "segments": list(_segments(evaluation)),
        "machine_made": evaluation.machine_made and evaluation.machine_made.sentence,
        "fairness": fairness_tables(evaluation.fairness),
        "cost_of_additivity": cost_sentence(evaluation),
        "baselines": baselines_table(evaluation),
        "failed_baselines": failure_sentences(evaluation),
        "learning": {"sentence": conclude(curve), "table": learning_table(evaluation)}
        if len(curve) > 1
        else None,
    }


def _segments(evaluation: Evaluation) -> Iterator[dict[str, str | Table]]:
    for name, groups in evaluation.segments.items():
        title = _TITLES_OF_SEGMENTS.get(name, f"By {name.replace('_', ' ')}")
        yield {"name": name, "title": title, "table": segment_table(title, groups)}


@cache
def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader(_PACKAGE, "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    style = files(_PACKAGE).joinpath("templates/style.css").read_text(encoding="utf-8")
    digest = hashlib.sha256(style.encode()).digest()
    made.globals["style"] = style
    made.globals["style_digest"] = base64.b64encode(digest).decode("ascii")
    return made
