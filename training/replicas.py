"""Replicas: the same terms fitted on leads drawn with replacement; how they differ is how sure the fit is.

Leads are drawn, never examples: those of one lead share their fate, and drawing them apart would claim half
the true error. Rows, bins, trees and pairs are those of the fit itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from features.columns import Floats
from models.scorecard import Replica
from training.boosting import fit_hazard
from training.config import TrainingConfig
from training.hazard import FittedHazard, Lesson, lay_out_columns
from training.readoff import read_tables

_DRAW: Final = 9  # stream of the seeded draws


def fit_replicas(
    lesson: Lesson, hazard: FittedHazard, numbers: Sequence[int], *, config: TrainingConfig
) -> list[Replica]:
    """Fits some replicas of a scorecard.

    Args:
        lesson: that the scorecard was fitted on.
        hazard: the fit.
        numbers: of the replicas; each has a draw of its own, whichever process makes it.
        config: seed.

    Returns:
        Tables in the order of the scorecard's terms, centred on the same examples.
    """
    layout, codes = lay_out_columns(lesson, hazard.recipe)
    place_of = {one.name: place for place, one in enumerate(layout.bins)}
    card = hazard.scorecard
    terms = [tuple(place_of[card.bins[position].name] for position in term.features) for term in card.terms]
    replicas = []
    for number in numbers:
        rows = lesson.rows.weighted(_times_drawn(lesson, number, seed=config.seed))
        model = fit_hazard(codes, layout, rows, config=hazard.recipe.config)
        average, tables = read_tables(
            model, layout, codes[lesson.examples], time_bins_count=len(card.average)
        )
        replicas.append(Replica(average, tuple(np.ascontiguousarray(tables[term]) for term in terms)))
    return replicas


def _times_drawn(lesson: Lesson, number: int, *, seed: int) -> Floats:
    """(rows,) how many times the lead of each row was drawn."""
    leads, whose = np.unique(lesson.lead[lesson.rows.example], return_inverse=True)
    drawn = np.random.default_rng([seed, _DRAW, number]).integers(len(leads), size=len(leads))
    times: Floats = np.bincount(drawn, minlength=len(leads))[whose].astype(np.float64)
    return times
