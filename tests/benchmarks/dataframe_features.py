"""The features by data frames: one lazy Polars query, and pandas groupings of a tenth of the leads."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl

from features.catalog.spec import Feature
from features.history.kinds import DIRECTION_OF_KIND
from features.times import US_PER_DAY


def polars_features(features: Sequence[Feature], *, folder: Path, as_of: int) -> pl.DataFrame:
    """Runs the query on the streaming engine: one row per lead that exists at `as_of`."""
    moment = pl.col("occurred_at").dt.epoch("us")
    direction = pl.col("kind").replace_strict(dict(DIRECTION_OF_KIND), default=0, return_dtype=pl.Int8)
    known = (
        pl.scan_parquet(folder / "interactions.parquet")
        .filter(moment <= as_of)
        .with_columns(age=as_of - moment, day=moment // US_PER_DAY, direction=direction)
    )
    leads = pl.scan_parquet(folder / "leads.parquet").filter(pl.col("created_at").dt.epoch("us") <= as_of)
    of_rows = [
        feature for feature in features if feature.measure not in ("attribute", "lead_age", "calendar")
    ]
    expressions = [_expression(feature).alias(feature.name) for feature in of_rows]
    grouped = known.group_by("lead_id").agg(*expressions)
    return leads.join(grouped, on="lead_id", how="left").collect(engine="streaming")


def pandas_features(features: Sequence[Feature], *, folder: Path, as_of: int, share: int) -> pd.DataFrame:
    """Groups once for every feature, as is usual with pandas, for one lead in `share`."""
    leads = pd.read_parquet(folder / "leads.parquet").iloc[::share].set_index("lead_id")
    rows = pd.read_parquet(folder / "interactions.parquet")
    rows = rows[rows["lead_id"].isin(leads.index)]
    occurred = rows["occurred_at"].astype("int64")
    rows = rows.assign(
        age=as_of - occurred, day=occurred // US_PER_DAY, direction=rows["kind"].map(DIRECTION_OF_KIND)
    )
    rows = rows[rows["age"] >= 0]
    columns = {
        feature.name: _grouped(feature, _chosen(feature, rows), rows)
        for feature in features
        if feature.measure not in ("attribute", "lead_age", "calendar")
    }
    return leads.join(pd.DataFrame(columns))


def _condition(feature: Feature) -> Any:
    condition = pl.lit(True)
    if feature.kinds:
        condition &= pl.col("kind") == feature.kinds[0]
    if feature.direction:
        condition &= pl.col("direction") == (1 if feature.direction == "inbound" else -1)
    if feature.window_days is not None and feature.measure != "momentum":
        condition &= pl.col("age") < round(feature.window_days * US_PER_DAY)
    return condition


def _expression(feature: Feature) -> Any:
    chosen = _condition(feature)
    age = pl.col("age").filter(chosen)
    window = round((feature.window_days or 0) * US_PER_DAY)
    recent = (pl.col("age") < window).sum()
    earlier = ((pl.col("age") >= window) & (pl.col("age") < 4 * window)).sum() / 3
    by_measure = {
        "count": lambda: chosen.sum(),
        "share": lambda: chosen.sum() / pl.len(),
        "days_since_last": lambda: age.min() / US_PER_DAY,
        "days_since_first": lambda: age.max() / US_PER_DAY,
        "decayed_count": lambda: pl.lit(2.0).pow(-age / ((feature.half_life_days or 1) * US_PER_DAY)).sum(),
        "momentum": lambda: recent / (recent + earlier),
        "mean_gap": lambda: (pl.col("age").max() - pl.col("age").min()) / US_PER_DAY / (pl.len() - 1),
        "active_days": lambda: pl.col("day").n_unique(),
        "distinct_channels": lambda: pl.col("channel").drop_nulls().n_unique(),
        "value_sum": lambda: pl.col("value").sum(),
        "value_mean": lambda: pl.col("value").mean(),
        "value_max": lambda: pl.col("value").max(),
    }
    return by_measure[feature.measure]()


def _chosen(feature: Feature, rows: pd.DataFrame) -> pd.DataFrame:
    mask = pd.Series(True, index=rows.index)
    if feature.kinds:
        mask &= rows["kind"] == feature.kinds[0]
    if feature.direction:
        mask &= rows["direction"] == (1 if feature.direction == "inbound" else -1)
    if feature.window_days is not None:
        mask &= rows["age"] < round(feature.window_days * US_PER_DAY)
    return rows[mask]


def _grouped(feature: Feature, chosen: pd.DataFrame, rows: pd.DataFrame) -> Any:
    groups, every = chosen.groupby("lead_id"), rows.groupby("lead_id")
    half_life = (feature.half_life_days or 1) * US_PER_DAY
    wide = round(4 * (feature.window_days or 0) * US_PER_DAY)
    by_measure = {
        "count": lambda: groups.size(),
        "share": lambda: groups.size() / every.size(),
        "days_since_last": lambda: groups["age"].min() / US_PER_DAY,
        "days_since_first": lambda: groups["age"].max() / US_PER_DAY,
        "decayed_count": lambda: (2 ** (-chosen["age"] / half_life)).groupby(chosen["lead_id"]).sum(),
        "momentum": lambda: groups.size() / rows[rows["age"] < wide].groupby("lead_id").size(),
        "mean_gap": lambda: (groups["age"].max() - groups["age"].min()) / (groups.size() - 1),
        "active_days": lambda: groups["day"].nunique(),
        "distinct_channels": lambda: groups["channel"].nunique(),
        "value_sum": lambda: groups["value"].sum(),
        "value_mean": lambda: groups["value"].mean(),
        "value_max": lambda: groups["value"].max(),
    }
    return by_measure[feature.measure]()
