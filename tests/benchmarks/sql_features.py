"""The benchmark's features as one aggregating query, as a data engineer would write it for DuckDB."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from features.catalog.spec import Feature
from features.history.kinds import DIRECTION_OF_KIND
from features.times import US_PER_DAY
from tests.benchmarks.company import KINDS

_DAY: Final = f"{US_PER_DAY}.0"
_HOUR: Final = US_PER_DAY // 24

_OF_INTERACTIONS: Final = {
    "count": "count(*) filter (where {chosen})",
    "share": "count(*) filter (where {chosen})::double / nullif(count(kind), 0)",
    "days_since_last": f"min(age) filter (where {{chosen}}) / {_DAY}",
    "days_since_first": f"max(age) filter (where {{chosen}}) / {_DAY}",
    "decayed_count": "coalesce(sum(pow(2.0, -age / {half_life})) filter (where {chosen}), 0)",
    "momentum": "count(*) filter (where {chosen}) / nullif(count(*) filter (where {chosen}) + "
    "count(*) filter (where not ({chosen}) and age < 4 * {window}) / 3.0, 0)",
    "mean_gap": f"(max(age) - min(age)) / {_DAY} / nullif(count(kind) - 1, 0)",
    "active_days": "count(distinct day)",
    "distinct_channels": "count(distinct channel)",
    "value_sum": "sum(value)",
    "value_mean": "avg(value)",
    "value_max": "max(value)",
}


def sql_of_features(features: Sequence[Feature], *, folder: str, as_of: int) -> str:
    """Writes the query: one row a lead that exists at `as_of`, `lead_id` and the features.

    Args:
        features: without scopes, and only of measures that an aggregate can express.
        folder: of the Parquet tables.
        as_of: microseconds UTC.
    """
    columns = ",\n  ".join(f'{_sql_of(feature, as_of)} as "{feature.name}"' for feature in features)
    return f"""
with known as (
  select lead_id, kind, channel, value, direction, {as_of} - epoch_us(occurred_at) as age,
         epoch_us(occurred_at) // {US_PER_DAY} as day
  from read_parquet('{folder}/interactions.parquet')
  left join (values {_usual_directions()}) as usual (kind, direction) using (kind)
  where epoch_us(occurred_at) <= {as_of})
select lead_id,
  {columns}
from read_parquet('{folder}/leads.parquet') as leads left join known using (lead_id)
where epoch_us(created_at) <= {as_of}
group by lead_id"""


def _usual_directions() -> str:
    return ", ".join(f"('{kind}', {DIRECTION_OF_KIND[kind]})" for kind in KINDS)


def _sql_of(feature: Feature, as_of: int) -> str:
    if feature.measure == "attribute":
        return f"any_value({feature.attribute})"
    if feature.measure == "lead_age":
        return f"any_value({as_of} - epoch_us(created_at)) / {_DAY}"
    if feature.measure == "calendar":
        unit = {"created_hour": f"// {_HOUR} % 24", "created_weekday": f"// {US_PER_DAY} % 7"}[
            feature.part or ""
        ]
        # 1970-01-01 was a Thursday.
        shift = " + 3" if feature.part == "created_weekday" else ""
        moved = (
            f"(epoch_us(created_at) // {US_PER_DAY}{shift}) % 7 + 1"
            if shift
            else f"epoch_us(created_at) {unit}"
        )
        return f"any_value({moved})::double"
    return _OF_INTERACTIONS[feature.measure].format(
        chosen=_chosen(feature),
        half_life=f"{(feature.half_life_days or 0) * US_PER_DAY:.1f}",
        window=round((feature.window_days or 0) * US_PER_DAY),
    )


def _chosen(feature: Feature) -> str:
    conditions = []
    if feature.kinds:
        conditions.append(f"kind = '{feature.kinds[0]}'")
    if feature.direction:
        conditions.append(f"direction = {1 if feature.direction == 'inbound' else -1}")
    if feature.window_days is not None:
        conditions.append(f"age < {round(feature.window_days * US_PER_DAY)}")
    return " and ".join(conditions) or "kind is not null"
