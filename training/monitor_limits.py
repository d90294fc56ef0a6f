"""The limits of `leadodds monitor`: the table `[monitor]` of the configuration."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class MonitorLimits(BaseModel):
    """When a difference between past scores and what followed is worth an alarm.

    A limit is crossed only where the whole interval of a figure lies beyond it. The intervals are as wide as
    it takes for `false_alarms_per_year` over all figures and looks of a year together.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    false_alarms_per_year: float = Field(
        0.1,
        gt=0,
        lt=1,
        description="Chance of a false alarm in a year, over all figures and looks; a check each night that "
        "is wrong once in a hundred times is switched off within a month.",
    )
    lookback_days: float = Field(
        180, ge=14, description="Days; scores given before that are not read. The inputs look back 13 weeks."
    )
    level_factor: float = Field(
        1.1,
        ge=1,
        description="Observed conversions over expected ones; from 1 / factor to factor nothing is said. "
        "Levels move by as much from month to month.",
    )
    group_factor: float = Field(
        1.5,
        ge=1,
        description="The same for one segment, stage or band, against all leads together.",
    )
    loss_rise: float = Field(
        0.01,
        ge=0,
        description="Log loss of the champion above that of the version before, on the same leads, as a part "
        "of it.",
    )
    slope_factor: float = Field(
        1.25, ge=1, description="Slope of the calibration of complete cohorts, as in the gate of a training."
    )
    auc_drop: float = Field(
        0.05, ge=0, lt=0.5, description="AUC of complete cohorts below that of the training's backtest."
    )
    volume_factor: float = Field(
        2.5,
        gt=1,
        description="Interactions of a kind in the last week, over what earlier weeks and the other kinds "
        "let expect; from 1 / factor to factor nothing is said.",
    )
    missing_rise: float = Field(
        0.2,
        gt=0,
        le=1,
        description="Share of the last week's leads without a value of an attribute, above that of the weeks "
        "before.",
    )
    new_share: float = Field(
        0.02,
        gt=0,
        le=1,
        description="Share of the last week's interactions of a kind, or leads with a category, that was "
        "never seen before.",
    )
    late_days: float = Field(
        1.0, gt=0, description="Days by which interactions are known later than in the weeks before."
    )
    stale_days: float = Field(
        4.0, gt=0, description="Days without any new row, after which the history is called stale."
    )
