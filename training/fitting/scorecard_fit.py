"""The additive boosted hazard: what is chosen first, the fit, and the scorecard that comes out of it."""

from __future__ import annotations

from dataclasses import dataclass

from features.catalog.spec import FeatureSet
from models.scorecard.scorecard import Scorecard
from training.config import TrainingConfig
from training.fitting.boosting import fit_hazard
from training.fitting.fit_data import FitData
from training.fitting.model_selection import SelectedModel, lay_out_columns, select_model
from training.fitting.table_extraction import read_off


@dataclass(frozen=True, slots=True)
class FittedHazard:
    """What a fit leaves behind.

    Attributes:
        scorecard: without level shift and replicas.
        feature_set: the features that the scorecard uses; the others earned nothing.
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


def fit_scorecard(fit_data: FitData, *, horizon_days: float, config: TrainingConfig) -> FittedHazard:
    """Fits the additive hazard and reads it off as a scorecard.

    Args:
        fit_data: what to learn from.
        horizon_days: the main horizon, within the last edge.
        config: boosting, and what is chosen on later rows.

    Raises:
        NotAdditiveError: the ensemble is not the sum of its tables.
    """
    selected_model = select_model(fit_data, config=config)
    layout, codes = lay_out_columns(fit_data, selected_model)
    scorecard = read_off(
        fit_hazard(codes, layout, fit_data.rows, config=selected_model.config),
        layout,
        codes[fit_data.examples],
        time_edges_days=fit_data.time_edges_days,
        horizon_days=horizon_days,
        seed=config.seed,
    )
    used = {one.name for one in scorecard.bins}
    return FittedHazard(
        scorecard=scorecard,
        feature_set=FeatureSet(tuple(one for one in fit_data.feature_set.features if one.name in used)),
        selected_model=selected_model,
        rows_count=len(fit_data.rows.example),
        conversions_count=round(float(fit_data.rows.weight[fit_data.rows.converted].sum())),
        examples_count=len(fit_data.examples),
    )
