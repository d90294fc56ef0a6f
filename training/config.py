"""The configuration of a training: every key with its unit, its default and the reason for it."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final, Self

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails

from features.errors import LeadOddsError
from features.findings.gate_codes import ACCEPTABLE
from training.fit_config import FitConfig
from training.monitor_limits import MonitorLimits

# Keys that were renamed, by the name they had; configurations and cards with the old name are still read.
OLD_KEYS: Final = {"learn_from_days": "training_window_days"}

# Tables of the same file that are not about training: the server reads them.
OTHER_TABLES: Final = frozenset({"alerts"})


class ConfigError(LeadOddsError):
    """A configuration that cannot be read, with every fault found."""

    def __init__(self, name: Path | str, faults: list[str]) -> None:
        listing = "\n".join(f"  {number}. {fault}" for number, fault in enumerate(faults, 1))
        super().__init__(
            f"The configuration {name} cannot be used:\n{listing}\nCorrect these keys or leave them out."
        )


class TrainingConfig(FitConfig):
    """The configuration of a training: what is fitted, how it is evaluated, and what stops it."""

    origins: int = Field(
        6, ge=2, le=10, description="Moments of the past at which the model is refitted and evaluated."
    )
    bootstrap_replicates: int = Field(1_000, ge=100, description="Draws of leads for each interval.")
    max_judged_examples: int = Field(
        12_000,
        ge=1_000,
        description="Test examples of an origin at most; more add little: those of a lead share its outcome.",
    )
    segments: tuple[str, ...] | None = Field(
        None,
        description="Attributes of few values whose groups are evaluated separately; else `source`, or the "
        "first channel where no attribute has that name.",
    )
    fairness_attributes: tuple[str, ...] = Field(
        (),
        description="Attributes of few values whose groups are compared, in the report and by `leadodds "
        "monitor`; groups of fewer than 20 leads are pooled.",
    )
    protected_attributes: tuple[str, ...] = Field(
        (),
        description='Attributes that are only compared by, as use = "protected" in history.toml: no '
        "feature is made of them, and no list shows them or is filtered by them.",
    )
    sales_capacity_per_week: float | None = Field(
        None,
        gt=0,
        allow_inf_nan=False,
        description="Leads that sales can call in a week; else the number that they called or visited in a "
        "usual week, if that is recorded.",
    )
    bands: tuple[float, float, float] | None = Field(
        None,
        description="Least probabilities of bands A, B and C; else set from the scores of the open leads.",
    )

    held_out_share: float = Field(
        0,
        ge=0,
        le=0.5,
        description="Share of the accounts, and of the leads without one, that is ranked by chance instead "
        "of by the model, to measure what the list is worth; 0: none.",
    )

    accepted_codes: tuple[str, ...] = Field(
        (),
        description="Codes of the data gate that were checked and found harmless; reported, not stopping.",
    )
    accept_missing: tuple[str, ...] = Field(
        (),
        description="Inputs of the model, as column or table.column, that a history may lack where "
        "`leadodds score` reads it; trainings do not look at it.",
    )
    accept_insufficient: bool = Field(
        False,
        description="Lets a challenger win although too few leads converted since the champion's end to "
        "compare it as it is deployed.",
    )
    # No dump holds it: what a monitor tolerates changes no training.
    monitor: MonitorLimits = Field(
        default_factory=MonitorLimits,
        exclude=True,
        description="Limits of `leadodds monitor`, listed below; trainings do not look at it.",
    )

    @model_validator(mode="before")
    @classmethod
    def _old_keys_are_read(cls, keys: dict[str, Any]) -> dict[str, Any]:
        """Gives renamed keys their present name; refuses a key under both."""
        for old, new in OLD_KEYS.items():
            if old in keys and new in keys:
                raise ValueError(f"{old} is the old name of {new}; keep one of them")
        return {OLD_KEYS.get(name, name): value for name, value in keys.items()}

    @field_validator("accepted_codes")
    @classmethod
    def _codes_can_be_accepted(cls, codes: tuple[str, ...]) -> tuple[str, ...]:
        """Refuses codes that cannot be accepted."""
        if strange := sorted(set(codes) - ACCEPTABLE):
            raise ValueError(
                f"{', '.join(strange)} cannot be accepted, only {', '.join(sorted(ACCEPTABLE))} can"
            )
        return codes

    @field_validator("bands")
    @classmethod
    def _bands_fall(cls, bands: tuple[float, float, float] | None) -> tuple[float, float, float] | None:
        """Refuses band limits that do not fall from A to C between 0 and 1."""
        if bands is not None and not 1 > bands[0] > bands[1] > bands[2] > 0:
            raise ValueError(
                "the limits must fall from A to C and lie between 0 and 1, like [0.4, 0.2, 0.05]"
            )
        return bands

    @classmethod
    def from_toml(cls, path: Path) -> Self:
        """Reads a configuration file; keys that are absent keep their defaults.

        Raises:
            ConfigError: the file is absent, is not TOML, or has an unknown key or a value out of range.
        """
        try:
            keys = tomllib.loads(path.read_text(encoding="utf-8-sig"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise ConfigError(path, [str(error)]) from None
        own = {key: value for key, value in keys.items() if key not in OTHER_TABLES}
        return cls.from_keys(own, name=path)

    @classmethod
    def from_keys(cls, keys: Mapping[str, Any], *, name: Path | str) -> Self:
        """Checks keys and values; keys that are absent keep their defaults.

        Args:
            keys: values by key.
            name: of the configuration, for the error.

        Raises:
            ConfigError: an unknown key or a value out of range.
        """
        try:
            return cls.model_validate(keys)
        except ValidationError as error:
            raise ConfigError(name, [_fault_text(fault) for fault in error.errors()]) from None


def _fault_text(fault: ErrorDetails) -> str:
    """Words a fault; for an unknown key with the nearest known one."""
    key = ".".join(map(str, fault["loc"])) or "file"
    if fault["type"] != "extra_forbidden":
        return f"{key}: {fault['msg']}"
    near = get_close_matches(key, TrainingConfig.model_fields, n=1)
    return f"{key} is no key of the configuration" + (f"; did you mean {near[0]}?" if near else "")
