"""The additive boosted hazard: model selection, the fit, and the scorecard extracted from it."""

from __future__ import annotations

from dataclasses import dataclass

from features.catalog.spec import FeatureSet
from models.scorecard.scorecard import Scorecard
from training.config import TrainingConfig
from training.fitting.design_matrix import BoostedHazard
from training.fitting.fit_data import FitData
from training.fitting.model_selection import (
    SelectedModel,
    adopt_selection,
    lay_out_columns,
    select_model,
)
from training.fitting.pair_stage import fit_in_stages
from training.fitting.table_extraction import extract_scorecard


@dataclass(frozen=True, slots=True)
class FittedHazard:
    """A fitted scorecard.

    Attributes:
        scorecard: without level shift and replicas, unless they were added later.
        feature_set: the features that the scorecard uses; the others had no effect.
        selected_model: what was chosen before the fit.
        rows_count: rows fitted on.
        conversions_count: positive rows among them, before thinning.
        examples_count: examples with at least one observed time bin.
    """

    scorecard: Scorecard
    feature_set: FeatureSet
    selected_model: SelectedModel
    rows_count: int
    conversions_count: int
    examples_count: int


def fit_scorecard(
    fit_data: FitData,
    *,
    horizon_days: float,
    config: TrainingConfig,
    ensemble: BoostedHazard | None = None,
    selected: SelectedModel | None = None,
) -> FittedHazard:
    """Fits the additive hazard and extracts its scorecard.

    Args:
        fit_data: rows and codes.
        horizon_days: the main horizon, at most the last edge.
        config: boosting and model selection.
        ensemble: see `select_model`.
        selected: the choice of an earlier origin, if it is taken; None chooses anew.

    Raises:
        NotAdditiveError: the ensemble is not the sum of its tables.
    """
    selected_model = (
        select_model(fit_data, config=config, ensemble=ensemble)
        if selected is None
        else adopt_selection(selected, fit_data, config=config)
    )
    layout, codes = lay_out_columns(fit_data, selected_model)
    scorecard = extract_scorecard(
        fit_in_stages(codes, layout, fit_data.rows, config=selected_model.config),
        layout,
        codes[fit_data.examples],
        time_edges_days=fit_data.time_edges_days,
        horizon_days=horizon_days,
        seed=config.seed,
    )
    used = {bins.name for bins in scorecard.bins}
    return FittedHazard(
        scorecard=scorecard,
        feature_set=FeatureSet(
            tuple(feature for feature in fit_data.feature_set.features if feature.name in used)
        ),
        selected_model=selected_model,
        rows_count=len(fit_data.rows.example),
        conversions_count=round(float(fit_data.rows.weight[fit_data.rows.converted].sum())),
        examples_count=len(fit_data.examples),
    )
