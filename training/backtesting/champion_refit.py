"""The champion's recipe, refitted at the same origins, so that both are judged by what they could have known.

The champion as it is stored has seen the outcomes of these test windows; asked about them, it would recite.
So its configuration is fitted again at each origin. Where it is the challenger's own, the promises are the
same.
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

# Keys that change no promise, or are the challenger's to choose: what is drawn, judged and told.
_NOT_OF_THE_RECIPE: Final = (
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
    """Reads the champion's recipe.

    Args:
        home: its pointer names the champion.
        config: the challenger's; the champion takes over what is not part of a recipe.

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
        selected_model = TrainingConfig.model_validate(
            recorded | {key: ours[key] for key in _NOT_OF_THE_RECIPE}
        )
    except ValidationError as error:
        keys = [".".join(map(str, fault["loc"])) for fault in error.errors()]
        raise ChampionConfigError(version, keys=keys) from None
    return selected_model


def predicts_the_same(first: TrainingConfig, second: TrainingConfig) -> bool:
    """Tells whether two configurations promise the same, whatever else they ask for."""
    left, right = (
        {key: value for key, value in one.model_dump().items() if key not in _NOT_OF_THE_RECIPE}
        for one in (first, second)
    )
    return left == right


def champion_log_odds(predictions: BacktestPredictions, champion: BacktestPredictions) -> Floats:
    """Gives what the champion's recipe promised for the challenger's test examples.

    Args:
        predictions: the challenger's; its origins and test examples count.
        champion: promises of the champion's recipe at the same origins of the same dataset.

    Returns:
        (n,) log-odds with the level shifts of the recipe's own past; those of an origin at which the recipe
        could not be fitted are the base rate's.
    """
    number_of = {origin: number for number, origin in enumerate(champion.origins)}
    parts = [
        champion.predicted[champion.origin == number_of[origin]]
        if origin in number_of
        else predictions.log_odds[BASE_RATE][predictions.origin == number]
        for number, origin in enumerate(predictions.origins)
    ]
    return np.concatenate(parts)
