"""Arguments of the public functions, turned into what the rooms take: home, moments, configuration."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from features.times import parse_time, to_us

if TYPE_CHECKING:
    from training.config import TrainingConfig

# A time with its zone as text or datetime, or microseconds UTC, as the rooms keep instants.
Moment = str | datetime | int


def home_folder(home: str | Path | None = None) -> Path:
    """The folder that holds all state: the given one, else LEADODDS_HOME, else `models/store`."""
    return Path(os.environ.get("LEADODDS_HOME", "models/store") if home is None else home)


def now() -> int:
    """The only look at the clock, microseconds UTC; everything inside is given its moment."""
    return to_us(datetime.now(UTC))


def read_moment(moment: Moment | None, *, item: str) -> int | None:
    """Reads a time with its zone as microseconds UTC; None stays None.

    Args:
        moment: text, datetime (or a Timestamp of pandas), or microseconds UTC already.
        item: what it is, for the error.

    Raises:
        TimeError: it is no time, or has no zone.

    >>> read_moment("1970-01-01T01:00:00+00:00", item="as_of")
    3600000000
    """
    if moment is None:
        return None
    if isinstance(moment, datetime):
        moment = moment.isoformat()
    return parse_time(moment, item=item) if isinstance(moment, str) else int(moment)


def read_config(
    config: TrainingConfig | Mapping[str, Any] | str | Path | None, *, quick: bool, full: bool = False
) -> TrainingConfig:
    """Reads the configuration of a training.

    Args:
        config: a TOML file, its keys, or a configuration; None takes every default.
        quick: sets the key of that name.
        full: sets the key of that name.

    Raises:
        ConfigError: the file is absent or is not TOML, a key is unknown, or a value is out of range.
    """
    from training.config import TrainingConfig

    if config is None:
        read = TrainingConfig()
    elif isinstance(config, str | Path):
        read = TrainingConfig.from_toml(Path(config))
    elif isinstance(config, TrainingConfig):
        read = config
    else:
        read = TrainingConfig.from_keys(config, name="of this call")
    wanted = {"quick": quick, "full": full}
    return read.model_copy(update={key: True for key, is_set in wanted.items() if is_set})
