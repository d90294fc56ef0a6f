"""One fit, at an origin of the past with its baselines or the final one: what a worker process runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np

from features.catalog.spec import FeatureSet
from features.engine.matrix import FeatureMatrix
from features.history.lead_history import Floats, Ints
from models.scorecard.bins import ByteCodes, encode
from models.scorecard.scorecard import Scorecard
from models.scorecard.scoring import hazard_logits, log_odds
from training.baselines.baseline import BaselineInputs
from training.baselines.registry import predict_baselines
from training.config import TrainingConfig
from training.examples.labels import Labels, reached_edges
from training.fitting.design_matrix import BoostedHazard
from training.fitting.fit_data import FitData, prepare
from training.fitting.hazard_rows import training_examples
from training.fitting.model_selection import SelectedModel
from training.fitting.scorecard_fit import FittedHazard, fit_scorecard

SCORECARD: Final = "scorecard"
# Beyond these log-odds a probability is 0 or 1 to the last digit of a double.
_MOST_LOG_ODDS: Final = 36.0


@dataclass(frozen=True, slots=True)
class FitSpec:
    """A fit to be made.

    Attributes:
        feature_set: derived from what was known at that moment.
        labels: of all examples, as known at that moment.
        test: (m,) positions of its test examples; empty for the final fit.
        horizon_days: the main horizon.
        config: everything else.
        has_baselines: whether baselines are fitted beside the scorecard.
        has_replicas: whether the fit is repeated for the ranges of what it predicts.
        ensemble: the first step of the fit, where a search made it; see `Trial`.
        takes_selection: whether trees and pairs are those that an earlier fit chose.
        selected: of that fit, once it is made; None chooses anew.
        takes_settings: whether the settings of the baselines are those that an earlier fit chose.
        baseline_settings: of that fit, once it is made, by name of the baseline; others choose anew.
        cluster: (n,) account of each example's lead, or the lead; None: the lead.
    """

    feature_set: FeatureSet
    labels: Labels
    test: Ints
    horizon_days: float
    config: TrainingConfig
    has_baselines: bool
    has_replicas: bool = False
    ensemble: BoostedHazard | None = None
    takes_selection: bool = False
    selected: SelectedModel | None = None
    takes_settings: bool = False
    baseline_settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    cluster: Ints | None = None

    @property
    def is_following(self) -> bool:
        """Whether it takes what another fit chose."""
        return self.takes_selection or self.takes_settings


@dataclass(frozen=True, slots=True)
class FitResult:
    """A fit that was made, with its predictions.

    Attributes:
        hazard: the scorecard, without a level shift.
        log_odds: by model, (m,) predicted for the test examples at the main horizon, without a level shift.
        by_horizon: the same of the scorecard at further horizons in days, as far as its time bins reach.
        failed_baselines: why a baseline could not be fitted, by its name.
        baseline_settings: what the baselines chose before their fits, by name.
        fit_data: of a fit that is to have replicas: preparing it again takes as long as one.
    """

    hazard: FittedHazard
    log_odds: Mapping[str, Floats]
    by_horizon: Mapping[float, Floats] = field(default_factory=dict)
    failed_baselines: Mapping[str, str] = field(default_factory=dict)
    baseline_settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    fit_data: FitData | None = None


def prepare_fit(fit: FitSpec, matrix: FeatureMatrix, lead: Ints) -> tuple[FitSpec, FitData] | None:
    """Chooses time edges, rows and bins; what was known at the origin decides how far the time bins reach.

    Args:
        fit: what to fit.
        matrix: (features, examples) of all examples.
        lead: (examples,) row of each example's lead.

    Returns:
        The fit with its rows bounded by the number of leads with an observed time bin, and its data; None
        where the labels do not reach the main horizon. Leads that came after the origin count nothing.
    """
    edges = reached_edges(
        fit.labels,
        lead,
        edges_days=fit.config.time_edges_days,
        min_conversions=fit.config.min_conversions_per_bin,
        horizon_days=fit.horizon_days,
    )
    if edges is None:
        return None
    known = lead[training_examples(fit.labels, edges)]
    fit = replace(fit, config=fit.config.sized_for(len(np.unique(known))))
    return fit, prepare(
        matrix,
        fit.feature_set,
        fit.labels,
        lead,
        time_edges_days=edges,
        config=fit.config,
        cluster=fit.cluster,
    )


def make_fit(fit: FitSpec, matrix: FeatureMatrix, lead: Ints) -> FitResult | None:
    """Fits the scorecard and its baselines, and predicts the test examples; arguments as for `prepare_fit`.

    Returns:
        None where the labels do not reach the main horizon.
    """
    prepared = prepare_fit(fit, matrix, lead)
    if prepared is None:
        return None
    fit, fit_data = prepared
    hazard = fit_scorecard(
        fit_data,
        horizon_days=fit.horizon_days,
        config=fit.config,
        ensemble=fit.ensemble,
        selected=fit.selected,
    )
    if len(fit.test) == 0:
        return FitResult(hazard, {}, fit_data=fit_data if fit.has_replicas else None)
    tested = FeatureMatrix(matrix.names, matrix.values[:, fit.test], matrix.vocabularies)
    codes = encode(hazard.scorecard.bins, tested)
    logits = hazard_logits(hazard.scorecard, codes)
    predicted = {SCORECARD: finite_log_odds(hazard.scorecard, codes, logits=logits)}
    inputs = BaselineInputs(
        matrix=matrix,
        feature_set=fit.feature_set,
        labels=fit.labels,
        test=fit.test,
        tested=tested,
        horizon_days=fit.horizon_days,
        config=fit.config,
        fit_data=fit_data,
        scorecard=hazard.scorecard,
        codes=codes,
        settings=fit.baseline_settings,
    )
    baselines = predict_baselines(inputs, is_quick=not fit.has_baselines)
    further = [
        days
        for days in fit.config.horizons_days
        if fit.horizon_days != days <= hazard.scorecard.time_edges_days[-1]
    ]
    by_horizon = {days: finite_log_odds(hazard.scorecard, codes, days, logits=logits) for days in further}
    return FitResult(
        hazard, {**predicted, **baselines.log_odds}, by_horizon, baselines.failed, baselines.settings
    )


def finite_log_odds(
    scorecard: Scorecard, codes: ByteCodes, horizon_days: float | None = None, *, logits: Floats | None = None
) -> Floats:
    """(n,) log-odds of a scorecard, bounded so that every figure is finite; arguments as for `log_odds`.

    Trees that fit single leads give hazards too small for a double. Their log-odds are minus infinity, of
    which no line of calibration and no mean log loss can be computed.
    """
    odds = log_odds(scorecard, codes, horizon_days, logits=logits)
    return np.clip(odds, -_MOST_LOG_ODDS, _MOST_LOG_ODDS)
