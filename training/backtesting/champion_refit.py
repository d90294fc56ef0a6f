"""The champion's configuration, refitted at the challenger's origins, so that both know equally much.

The stored champion was trained on the outcomes of these test windows, so its predictions for them are not
comparable. Its configuration is refitted at each origin instead. Where that is the challenger's own, the
predictions are the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from pydantic import ValidationError

from features.errors import LeadOddsError
from features.history.lead_history import Floats
from models.bundle.bundle import read_bundle
from models.home.home import Home, resolve_model
from training.backtesting.predictions import BacktestPredictions
from training.baselines.base_rate import BASE_RATE
from training.config import TrainingConfig

# Keys that change no prediction, or that the challenger decides for both: what is drawn, tested and reported.
_NOT_COMPARED: Final = (
    "seed",
    "workers",
    "horizon_days",
    "horizons_days",
    "grid_spacing_days",
    "max_examples",
    "attribute_types",
    "origins",
    "bootstrap_replicates",
    "max_judged_examples",
    "segments",
    "sales_capacity_per_week",
    "bands",
    "accepted_codes",
    "accept_missing",
)


class ChampionConfigError(LeadOddsError):
    """A champion whose configuration this version cannot read, so that it cannot be refitted."""

    def __init__(self, version: str, *, keys: Sequence[str]) -> None:
        super().__init__(
            f"The champion, version {version}, was trained with a configuration that this LeadOdds cannot "
            f"read ({', '.join(keys)}), so that nothing can be compared with it. Train with the LeadOdds "
            "that it came from."
        )


def read_champion_config(home: Home, *, config: TrainingConfig) -> TrainingConfig | None:
    """Reads the champion's configuration.

    Args:
        home: its pointer names the champion.
        config: the challenger's; its keys that are not compared replace the champion's.

    Returns:
        None where there is no champion.

    Raises:
        BundleError: the champion's bundle is faulty.
        ChampionConfigError: its configuration cannot be read.
    """
    version = home.champion()
    if version is None:
        return None
    recorded = dict(read_bundle(resolve_model(home, version)).card.config)
    ours = config.model_dump()
    try:
        return TrainingConfig.model_validate(recorded | {key: ours[key] for key in _NOT_COMPARED})
    except ValidationError as error:
        keys = [".".join(map(str, fault["loc"])) for fault in error.errors()]
        raise ChampionConfigError(version, keys=keys) from None


def predicts_the_same(first: TrainingConfig, second: TrainingConfig) -> bool:
    """Tells whether two configurations make the same predictions."""
    left, right = (
        {key: value for key, value in config.model_dump().items() if key not in _NOT_COMPARED}
        for config in (first, second)
    )
    return left == right


def champion_log_odds(predictions: BacktestPredictions, champion: BacktestPredictions) -> Floats:
    """Takes the champion's predictions for the challenger's test examples.

    Args:
        predictions: the challenger's; its origins and test examples count.
        champion: predictions of the champion's configuration at the same origins of the same dataset.

    Returns:
        (n,) log-odds, with level shifts from the refits' own past; where the champion's configuration could
        not be fitted at an origin, those of the base rate.
    """
    number_of = {origin: number for number, origin in enumerate(champion.origins)}
    by_origin = [
        champion.predicted[champion.origin == number_of[origin]]
        if origin in number_of
        else predictions.log_odds[BASE_RATE][predictions.origin == number]
        for number, origin in enumerate(predictions.origins)
    ]
    return np.concatenate(by_origin)
