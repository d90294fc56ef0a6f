"""The keys of the configuration that decide what is fitted, each with its unit, default and reason."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from features.history.lead_history import AttributeType
from features.history.settings import COUNT_ALL, MACHINE_RULES

# Rows of a fit at most in a quick training.
_QUICK_ROWS: Final = 60_000

PositiveDays = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class FitConfig(BaseModel):
    """What is read of a history, which examples are drawn, and how they are fitted.

    The same history and configuration give the same fit, whatever the number of workers.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    seed: int = Field(
        7, ge=0, description="Seed of every draw; another seed shows how much a figure depends on chance."
    )
    quick: bool = Field(
        False,
        description=f"Two origins, no search, no baselines and {_QUICK_ROWS:,} rows of a fit at most: shows "
        "that everything runs, not how good the model is.",
    )
    full: bool = Field(
        False,
        description="Baselines, and a choice of trees and pairs, at every origin instead of two or three, "
        "and a search even where the champion has settings: takes about twice as long.",
    )
    workers: int = Field(2, ge=1, description="Processes that fit at once; the result does not depend on it.")

    horizon_days: PositiveDays = Field(
        30, description="Days; the main horizon. Shorter where history is short."
    )
    horizons_days: tuple[PositiveDays, ...] = Field(
        (7, 30, 90), description="Days; horizons that are reported."
    )
    time_edges_days: tuple[float, ...] = Field(
        (0, 1, 3, 7, 14, 21, 30, 60, 90),
        description="Days; edges of the time bins. Narrow where hazards change quickly.",
    )
    min_conversions_per_bin: int = Field(
        30,
        ge=1,
        description="Leads that must convert in the last time bin; fewer do not support that horizon.",
    )

    grid_spacing_days: float = Field(
        3,
        ge=0.25,
        le=14,
        description="Days between the moments examples are drawn at; 8 lost accuracy at long horizons.",
    )
    max_examples: int = Field(
        300_000, ge=1_000, description="Examples drawn at most; memory grows with them."
    )
    max_rows: int = Field(
        100_000,
        ge=1_000,
        description="Rows of a fit at most; time grows with them, and twice as many gain little.",
    )
    max_rows_per_lead: float = Field(
        12, gt=0, description="Rows of a fit at most for each lead: more rows of the same leads add little."
    )
    unthinned_rows: int = Field(
        100_000,
        ge=1_000,
        description="Rows up to which every negative row is kept: below that, each improves the fit.",
    )
    negative_keep_share: float = Field(
        0.25,
        gt=0,
        le=1,
        description="Share of negative rows kept beyond that; a quarter lost nothing measurable.",
    )

    catalogue: Path | None = Field(
        None, description="TOML file of feature declarations; else the default catalogue."
    )
    attribute_types: dict[str, AttributeType] = Field(
        default_factory=dict, description="Types of attributes that a CSV file leaves open."
    )
    count_machine_made: bool = Field(
        False,
        description="Counts interactions that a machine made, such as a scanner of links; else no feature "
        "does. The model keeps the choice.",
    )
    max_bins: int = Field(64, ge=2, le=128, description="Bins of a feature at most: people cannot read more.")
    min_bin_examples: int = Field(
        50, ge=1, description="Examples of a bin or category at least; rarer ones are merged."
    )

    search_budget: int = Field(
        3,
        ge=0,
        le=8,
        description="Settings of the boosting tried at the first origin, and beside them a shorter training "
        "window, compared on the rows after two earlier moments; 0: none, and iterations, max_leaves and "
        "l2_regularization are used as configured.",
    )
    pairs: int = Field(
        12,
        ge=0,
        le=30,
        description="Pairs of features with a table of their own at most, each confirmed on later rows; 0: "
        "none. More than a person can look at do not explain the model.",
    )
    monotonic: dict[str, Literal["rises", "falls"]] = Field(
        default_factory=dict,
        description="Features along which the hazard may only rise, or only fall, as the business knows.",
    )
    training_window_days: PositiveDays | None = Field(
        None,
        description="Days before an origin in which the time bins that are learnt from ended, at least "
        "grid_spacing_days; all where absent. The search tries the younger half, and takes it only where it "
        "is surely better.",
    )
    replicas: int = Field(
        10,
        ge=0,
        le=50,
        description="Fits on leads drawn with replacement, which give each lead's interval; 0: no interval.",
    )

    iterations: int = Field(
        120,
        ge=1,
        description="Boosted trees; a search chooses their number, up to four times as many.",
    )
    learning_rate: float = Field(
        0.2,
        gt=0,
        le=1,
        description="Part of each tree that is added; at 0.1, leads who hardly ever convert "
        "were left with 1.5 times their odds.",
    )
    max_leaves: int = Field(8, ge=2, description="Leaves of a tree.")
    min_leaf_rows: int = Field(
        200, ge=1, description="Rows in a leaf at least, so that no single lead decides."
    )
    l2_regularization: float = Field(
        150,
        ge=0,
        description="Pull of a leaf towards zero; 10 overfitted histories with few conversions by 1 to 2 % of"
        " the log loss, real and made up.",
    )

    @field_validator("time_edges_days")
    @classmethod
    def _edges_rise_from_zero(cls, edges: tuple[float, ...]) -> tuple[float, ...]:
        """Refuses edges that do not start at 0 and rise."""
        rises = all(low < high < float("inf") for low, high in pairwise(edges))
        if len(edges) < 2 or edges[0] != 0 or not rises:
            raise ValueError("the edges must start at 0 and rise, like [0, 1, 7, 30]")
        return edges

    @model_validator(mode="after")
    def _horizon_lies_within_edges(self) -> Self:
        """Refuses a main horizon beyond the last edge, which the model would not cover."""
        if self.horizon_days > self.time_edges_days[-1]:
            last = self.time_edges_days[-1]
            raise ValueError(
                f"horizon_days is {self.horizon_days}, beyond the last of time_edges_days, {last}"
            )
        return self

    @model_validator(mode="after")
    def _window_holds_examples(self) -> Self:
        """Refuses a training window below the grid's spacing: a time bin could have no row in it."""
        window = self.training_window_days
        if window is not None and window < self.grid_spacing_days:
            raise ValueError(
                f"training_window_days is {window:g}, below grid_spacing_days, {self.grid_spacing_days:g}"
            )
        return self

    @property
    def machine_rules(self) -> int:
        """Number of the rules by which interactions are left out as machine-made."""
        return COUNT_ALL if self.count_machine_made else MACHINE_RULES

    @property
    def is_searching(self) -> bool:
        """Whether hyperparameters and pairs are chosen on later rows before a fit."""
        return self.search_budget > 0 and not self.quick

    def sized_for(self, leads_count: int) -> Self:
        """Gives a copy whose max_rows is bounded by the number of leads known, and by a quick training."""
        bound = max(1_000, int(leads_count * self.max_rows_per_lead))
        most = min(self.max_rows, _QUICK_ROWS) if self.quick else self.max_rows
        return self.model_copy(update={"max_rows": min(most, bound)})
