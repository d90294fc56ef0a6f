"""The additive boosted hazard: the rows it is fitted on, the fit, and the scorecard that comes out of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from features.columns import Floats, Ints
from features.matrix import FeatureMatrix
from features.spec import FeatureSet
from models.bins import ByteCodes, FeatureBins, encode
from models.scorecard import Scorecard
from training.boosting import fit_hazard, fit_live_bins
from training.coarse import group_of_codes
from training.config import TrainingConfig
from training.ensemble import Hazard, Layout, hazard_inputs
from training.hazard_rows import HazardRows, choose_rows, taught_examples
from training.labels import Labels
from training.readoff import read_off
from training.recipe import Recipe, choose_recipe
from training.slices import part_rows


@dataclass(frozen=True, slots=True)
class Lesson:
    """What a fit learns from.

    Attributes:
        rows: (example, time bin) rows.
        examples: those with at least one observed time bin, over which terms are centred.
        bins: of the features that can teach.
        codes: (examples, features) of all examples.
        labels: of all examples.
        lead: (examples,) whose they are.
        feature_set: that could be used.
        time_edges_days: (K + 1,)
    """

    rows: HazardRows
    examples: Ints
    bins: tuple[FeatureBins, ...]
    codes: ByteCodes
    labels: Labels
    lead: Ints
    feature_set: FeatureSet
    time_edges_days: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class FittedHazard:
    """What a fit leaves behind.

    Attributes:
        scorecard: without level shift and replicas.
        feature_set: the features that the scorecard uses; the others earned nothing.
        recipe: what was chosen before the fit.
        rows_count: rows fitted on.
        conversions_count: positive rows among them, before thinning.
        examples_count: examples with at least one observed time bin.
    """

    scorecard: Scorecard
    feature_set: FeatureSet
    recipe: Recipe
    rows_count: int
    conversions_count: int
    examples_count: int


@dataclass(frozen=True, slots=True)
class UnrestrictedHazard:
    """The yardstick: the same rows, boosted without any restriction, so that it cannot be read.

    Attributes:
        bins: of the features.
        model: the ensemble.
        time_bins_count: K.
    """

    bins: tuple[FeatureBins, ...]
    model: Hazard
    time_bins_count: int

    def hazard_logits(self, matrix: FeatureMatrix, *, bins_asked: int | None = None) -> Floats:
        """(examples, K) logit hazards, for `models.scorecard.log_odds(..., logits=)`.

        Args:
            matrix: (features, examples).
            bins_asked: time bins that are asked about, the first ones: those beyond the horizon weigh nothing
                and stay 0; None means all.
        """
        codes = encode(self.bins, matrix)
        logits = np.zeros((len(codes), self.time_bins_count))
        for time_bin in range(self.time_bins_count if bins_asked is None else bins_asked):
            bin_of_all = np.full(len(codes), time_bin, dtype=np.int64)
            logits[:, time_bin] = self.model.decision_function(
                hazard_inputs(codes, bin_of_all, Layout(self.bins))
            )
        return logits


def prepare(
    matrix: FeatureMatrix,
    feature_set: FeatureSet,
    labels: Labels,
    lead: Ints,
    *,
    time_edges_days: Sequence[float],
    config: TrainingConfig,
) -> Lesson:
    """Chooses rows and bins.

    Only examples with an observed time bin teach: with labels as known at an origin, those after it have
    none, so that one matrix of all examples serves every origin.

    Args:
        matrix: (features, examples).
        feature_set: the features to use, as derived from what was known.
        labels: of the examples.
        lead: (examples,) whose they are.
        time_edges_days: (K + 1,) as far as the labels tell about.
        config: binning, thinning.
    """
    rows = choose_rows(labels, time_edges_days, config=config)
    examples = taught_examples(labels, time_edges_days)
    bins = fit_live_bins(matrix, feature_set, rows, examples=examples, config=config)
    return Lesson(
        rows=rows,
        examples=examples,
        bins=bins,
        codes=encode(bins, matrix),
        labels=labels,
        lead=lead,
        feature_set=feature_set,
        time_edges_days=tuple(time_edges_days),
    )


def fit_scorecard(lesson: Lesson, *, horizon_days: float, config: TrainingConfig) -> FittedHazard:
    """Fits the additive hazard and reads it off as a scorecard.

    Args:
        lesson: what to learn from.
        horizon_days: the main horizon, within the last edge.
        config: boosting, and what is chosen on later rows.

    Raises:
        NotAdditiveError: the ensemble is not the sum of its tables.
    """
    recipe = choose_recipe(
        lesson.codes,
        lesson.bins,
        part_rows(lesson.rows, lesson.labels, lesson.lead, lesson.time_edges_days),
        lesson.lead,
        config=config,
    )
    layout, codes = lay_out_columns(lesson, recipe)
    scorecard = read_off(
        fit_hazard(codes, layout, lesson.rows, config=recipe.config),
        layout,
        codes[lesson.examples],
        time_edges_days=lesson.time_edges_days,
        horizon_days=horizon_days,
        seed=config.seed,
    )
    used = {one.name for one in scorecard.bins}
    return FittedHazard(
        scorecard=scorecard,
        feature_set=FeatureSet(tuple(one for one in lesson.feature_set.features if one.name in used)),
        recipe=recipe,
        rows_count=len(lesson.rows.example),
        conversions_count=round(float(lesson.rows.weight[lesson.rows.converted].sum())),
        examples_count=len(lesson.examples),
    )


def fit_unrestricted(lesson: Lesson, *, config: TrainingConfig) -> UnrestrictedHazard:
    """Fits the yardstick on the same rows and bins as `fit_scorecard`."""
    model = fit_hazard(lesson.codes, Layout(lesson.bins), lesson.rows, config=config, is_restricted=False)
    return UnrestrictedHazard(lesson.bins, model, len(lesson.time_edges_days) - 1)


def lay_out_columns(lesson: Lesson, recipe: Recipe) -> tuple[Layout, ByteCodes]:
    """Joins the bins of the features that share a table with another.

    Returns:
        The columns, and codes (examples, features).
    """
    coarse = {one.name: one for pair in recipe.pairs for one in (pair.first, pair.second)}
    bins, codes = [], lesson.codes.copy()
    for place, own in enumerate(lesson.bins):
        bins.append(coarse.get(own.name, own))
        codes[:, place] = group_of_codes(own, bins[place])[codes[:, place]]
    place_of = {one.name: place for place, one in enumerate(bins)}
    pairs = tuple((place_of[pair.first.name], place_of[pair.second.name]) for pair in recipe.pairs)
    return Layout(tuple(bins), pairs), codes
