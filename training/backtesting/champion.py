"""The champion as a challenger meets it: its configuration refitted at the same origins, and as it is stored.

The stored champion was trained on the outcomes of most test windows, so its predictions for them are not
comparable. There its configuration is refitted, on its own examples and features. Only at origins after its
`observed_until` the stored champion itself is compared, with the challenger's configuration refitted there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from pydantic import ValidationError

from features.catalog.catalog_files import load_catalogue
from features.catalog.spec import FeatureSet
from features.engine.matrix import Compute, Examples, FeatureMatrix
from features.errors import LeadOddsError
from features.history.lead_history import Floats, LeadHistory
from features.history.settings import COUNT_ALL
from models.bundle.bundle import Bundle, read_bundle
from models.scorecard.bins import encode
from training.backtesting.jobs import FitResult, finite_log_odds
from training.backtesting.predictions import BacktestPredictions, level_shifts
from training.baselines.base_rate import BASE_RATE
from training.config import TrainingConfig
from training.fitting.hyperparameters import SEARCHED

# Keys that change no fit, or that have a rule or a comparison of their own: the main horizon, the catalogue.
_NOT_COMPARED: Final = (
    "seed",
    "full",
    "workers",
    "horizon_days",
    "horizons_days",
    "catalogue",
    "origins",
    "bootstrap_replicates",
    "max_judged_examples",
    "segments",
    "fairness_attributes",
    "sales_capacity_per_week",
    "bands",
    "accepted_codes",
    "accept_missing",
    "accept_insufficient",
)
# Keys that decide what is read of a history.
OF_HISTORY: Final = ("attribute_types", "count_machine_made", "protected_attributes")
# Keys that decide which examples are drawn and how attributes are read.
_OF_EXAMPLES: Final = ("grid_spacing_days", "max_examples", *OF_HISTORY)


class ChampionConfigError(LeadOddsError):
    """A champion whose configuration this version cannot read, so that it cannot be refitted."""

    def __init__(self, version: str, *, keys: Sequence[str]) -> None:
        super().__init__(
            f"The champion, version {version}, was trained with a configuration that this LeadOdds cannot "
            f"read ({', '.join(keys)}), so that nothing can be compared with it. Train with the LeadOdds "
            "that it came from."
        )


@dataclass(frozen=True, slots=True)
class Champion:
    """The champion's bundle, and what a challenger compares of its recipe.

    Attributes:
        version: in the registry.
        bundle: as it is stored.
        config: its configuration; keys that change no fit are those of the challenger.
        catalogue: the features it was trained on, where they were declared in a file, which may say something
            else by now; None for the default catalogue.
        declared: the features that the challenger's configuration declares in a file, as read once; None for
            the default catalogue.
    """

    version: str
    bundle: Bundle
    config: TrainingConfig
    catalogue: FeatureSet | None
    declared: FeatureSet | None

    @property
    def has_same_catalogue(self) -> bool:
        """Whether the challenger's features are declared alike.

        A bundle holds the features that had an effect, and its card the version of all that were declared.
        """
        if self.catalogue is None or self.declared is None:
            return self.catalogue is self.declared
        recorded = self.bundle.card.trained_on.get("catalogue", self.catalogue.version)
        return recorded == self.declared.version

    def has_recipe_of(self, config: TrainingConfig) -> bool:
        """Whether a configuration fits the same model to the same history."""
        return self.has_same_catalogue and _compared(self.config) == _compared(config)

    def settings_for(self, config: TrainingConfig) -> Mapping[str, Any]:
        """Gives the hyperparameters that a search chose for it, where a configuration fits the same model.

        They were chosen on rows before its own first origin. None where it did not search, or where a full
        training is to search again.
        """
        return {} if config.full or not self.has_recipe_of(config) else self.chosen

    @property
    def chosen(self) -> Mapping[str, Any]:
        """The hyperparameters that a search chose for it; none where it did not search."""
        recorded = self.bundle.card.trained_on.get("chosen")
        if not isinstance(recorded, Mapping) or not self.config.is_searching:
            return {}
        return {key: recorded[key] for key in SEARCHED if key in recorded}

    def has_examples_of(self, config: TrainingConfig) -> bool:
        """Whether a configuration reads the same attributes, draws the same examples, computes the same."""
        return self.has_same_catalogue and all(
            getattr(self.config, key) == getattr(config, key) for key in _OF_EXAMPLES
        )


def read_champion(folder: Path, version: str, *, config: TrainingConfig) -> Champion:
    """Reads the champion's bundle and its configuration.

    Args:
        folder: of its bundle.
        version: in the registry.
        config: the challenger's.

    Raises:
        BundleError: the bundle is faulty.
        ChampionConfigError: its configuration cannot be read.
    """
    bundle = read_bundle(folder)
    recorded, ours = dict(bundle.card.config), config.model_dump()
    catalogue = None if recorded.get("catalogue") is None else bundle.feature_set
    # Its card says what it counts: a configuration of an earlier release does not.
    recorded["count_machine_made"] = bundle.card.machine_rules == COUNT_ALL
    try:
        own = TrainingConfig.model_validate(recorded | {key: ours[key] for key in _NOT_COMPARED})
    except ValidationError as error:
        keys = [".".join(map(str, fault["loc"])) for fault in error.errors()]
        raise ChampionConfigError(version, keys=keys) from None
    declared = None if config.catalogue is None else load_catalogue(config.catalogue)
    return Champion(version, bundle, own, catalogue, declared)


def refitted_log_odds(
    predictions: BacktestPredictions, tested: FeatureMatrix, results: Sequence[FitResult | None]
) -> Floats:
    """Predicts the challenger's test examples by the champion's configuration, refitted at the same origins.

    Args:
        predictions: the challenger's.
        tested: (features, n) of its test examples, with the features of the champion.
        results: by origin of the predictions; None where the configuration could not be fitted.

    Returns:
        (n,) log-odds at the challenger's main horizon, with level shifts from the refits' own past; of the
        base rate where there was no fit, or none that reaches the horizon.
    """
    masks = [predictions.origin == number for number in range(len(predictions.origins))]
    odds = [
        predictions.log_odds[BASE_RATE][mask]
        if result is None or result.hazard.scorecard.time_edges_days[-1] < predictions.horizon_days
        else _log_odds(result, tested, np.flatnonzero(mask), horizon_days=predictions.horizon_days)
        for mask, result in zip(masks, results, strict=True)
    ]
    pooled = np.concatenate(odds)
    _, applied = level_shifts(predictions, pooled)
    shifted: Floats = pooled + np.array(applied)[predictions.origin]
    return shifted


def deployed_log_odds(
    bundle: Bundle, history: LeadHistory, examples: Examples, *, horizon_days: float, compute: Compute
) -> Floats:
    """(n,) log-odds that a stored model gives some examples at a horizon it reaches, level shift included."""
    read = {bins.name for bins in bundle.scorecard.bins}
    features = tuple(feature for feature in bundle.feature_set.features if feature.name in read)
    matrix = compute(FeatureSet(features), history, examples)
    return finite_log_odds(bundle.scorecard, encode(bundle.scorecard.bins, matrix), horizon_days)


def _log_odds(result: FitResult, tested: FeatureMatrix, rows: Any, *, horizon_days: float) -> Floats:
    """Predicts some of the test examples by one refit, without a level shift."""
    scorecard = result.hazard.scorecard
    part = FeatureMatrix(tested.names, tested.values[:, rows], tested.vocabularies)
    return finite_log_odds(scorecard, encode(scorecard.bins, part), horizon_days)


def _compared(config: TrainingConfig) -> Mapping[str, Any]:
    """Gives the keys that change a fit."""
    return config.model_dump(exclude=set(_NOT_COMPARED))
