"""Features recomputed by an independent engine: plain SQL in SQLite over the raw tables."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa

from features.catalog.spec import Feature
from features.history.kinds import DIRECTION_OF_KIND
from features.times import US_PER_DAY, US_PER_HOUR

_NAMED = {1: "inbound", -1: "outbound", 0: None}

_SCHEMA = """
create table leads (lead_id, created_at, account_id, size, country);
create table raw (lead_id, kind, occurred_at, available_at, direction, channel, campaign, value,
                  source, interaction_id);
create table changes (lead_id, attribute, value, available_at);
create table usual (kind, direction);
create table examples (n, lead_id, as_of);
"""

# One row for each interaction that is known of an example, once as the lead's and once as the account's.
_KNOWN = """
create table touches as
with clean as (
  select r.lead_id, r.kind, r.occurred_at, max(coalesce(available_at, occurred_at), occurred_at) as known_at,
         coalesce(r.direction, u.direction) as direction, channel, campaign, value,
         source, interaction_id, l.created_at
  from raw r left join usual u on u.kind = r.kind join leads l on l.lead_id = r.lead_id),
numbered as (
  select *, row_number() over (
    partition by source, interaction_id
    order by max(known_at, created_at), occurred_at, lead_id, kind,
             case direction when 'outbound' then -1 when 'inbound' then 1 else 0 end, channel, campaign,
             value nulls last) as place
  from clean)
select * from numbered where interaction_id is null or place = 1;
create table known as
select e.n, 'lead' as scope, kind, direction, channel, campaign, value, occurred_at, as_of - occurred_at age
from examples e join touches t on t.lead_id = e.lead_id and t.known_at <= e.as_of
union all
select e.n, 'account', kind, direction, channel, campaign, value, occurred_at, as_of - occurred_at
from examples e join leads me on me.lead_id = e.lead_id join leads they on they.account_id = me.account_id
     join touches t on t.lead_id = they.lead_id and max(t.known_at, they.created_at) <= e.as_of;
"""

_DAY = f"/ {float(US_PER_DAY)}"
_HOUR = f"/ {float(US_PER_HOUR)}"

# {k} is the rows of the example and its scope, {chosen} those that the declaration leaves.
_SQL: Mapping[str, str] = {
    "count": "select count(*) from {chosen}",
    "share": "select 1.0 * (select count(*) from {chosen}) / nullif(count(*), 0) from {k} where {window}",
    "days_since_last": f"select min(age) {_DAY} from {{chosen}}",
    "days_since_first": f"select max(age) {_DAY} from {{chosen}}",
    "decayed_count": "select coalesce(sum(power(2.0, -age / {half_life})), 0) from {chosen}",
    "value_sum": "select sum(value) from {chosen}",
    "value_mean": "select avg(value) from {chosen}",
    "value_max": "select max(value) from {chosen}",
    "value_last": "select value from {chosen} where value is not null order by age, value desc limit 1",
    "distinct_campaigns": "select count(distinct campaign) from {chosen}",
    "distinct_channels": "select count(distinct channel) from {chosen}",
    "active_days": "select count(distinct date(occurred_at / 1000000, 'unixepoch')) from {chosen}",
    "longest_silence": f"select max(gap) {_DAY} from "
    "(select age - lag(age, 1, 0) over (order by age) as gap from {chosen})",
    "mean_gap": f"select 1.0 * (max(age) - min(age)) {_DAY} / nullif(count(*) - 1, 0) from {{chosen}}",
    "momentum": "select r / nullif(r + e / 3.0, 0) from (select count(*) filter (where {window}) as r, "
    "count(*) filter (where not ({window}) and age < 4 * {window_us}) as e from {chosen_ever})",
    "unanswered_outbound_streak": "select count(*) from {chosen_ever} where direction = 'outbound' and age < "
    "(select coalesce(min(age), 9e18) from {k} where direction = 'inbound')",
    "hours_to_first_reply": f"select (first - max(age)) {_HOUR} from {{k}}, "
    "(select max(age) as first from {k} where direction = 'inbound') "
    "where direction = 'outbound' and age < first",
    "self_education_share": "select 1.0 * (select count(*) from {chosen} where age > "
    "(select coalesce(max(age), -1) from {k} where kind in ({before}))) / nullif(count(*), 0) from {k}",
    "first_channel": "select channel from {chosen} where channel is not null "
    "order by age desc, channel limit 1",
    "last_channel": "select channel from {chosen} where channel is not null order by age, channel limit 1",
    "waiting_hours": f"select max(age) {_HOUR} from {{k}} where direction = 'inbound' "
    "and kind not in ({others}) "
    "and age < (select coalesce(min(age), 9e18) from {k} where direction = 'outbound')",
    "attribute": "select case when exists (select * from {changes}) then "
    "(select cast(value as {as_type}) from {changes} order by c.available_at desc limit 1) "
    "else l.{attribute} end from leads l where l.lead_id = e.lead_id",
    "lead_age": f"select (e.as_of - created_at) {_DAY} from leads l where l.lead_id = e.lead_id",
    # SQLite counts Sunday as day 0.
    "calendar": "select case '{part}' when '%w' then (p + 6) % 7 + 1 else p end from (select "
    "cast(strftime('{part}', {moment} / 1000000, 'unixepoch') as integer) as p "
    "from leads l where l.lead_id = e.lead_id)",
}
_PARTS = {"hour": "%H", "weekday": "%w", "day": "%d", "month": "%m"}


def compute_by_sql(
    made: Mapping[str, pa.Table], features: Sequence[Feature], examples: Iterable[tuple[str, int]]
) -> list[list[object]]:
    """Computes features of (lead id, as_of) pairs: a list for each feature, None where missing."""
    with sqlite3.connect(":memory:") as connection:
        connection.executescript(_SCHEMA)
        _fill(connection, made, examples)
        connection.executescript(_KNOWN)
        return [
            [row[0] for row in connection.execute(f"select ({_query(feature)}) from examples e order by n")]
            for feature in features
        ]


def _fill(
    connection: sqlite3.Connection, made: Mapping[str, pa.Table], examples: Iterable[tuple[str, int]]
) -> None:
    columns = {"leads": "leads", "interactions": "raw", "attribute_changes": "changes"}
    for name, target in columns.items():
        if name in made:
            wanted = [row[1] for row in connection.execute(f"pragma table_info({target})")]
            rows = [[row.get(column) for column in wanted] for row in _records(made[name])]
            connection.executemany(f"insert into {target} values ({', '.join('?' * len(wanted))})", rows)
    usual = [(kind, _NAMED[direction]) for kind, direction in DIRECTION_OF_KIND.items()]
    connection.executemany("insert into usual values (?, ?)", usual)
    connection.executemany(
        "insert into examples values (?, ?, ?)",
        [(n, lead_id, as_of) for n, (lead_id, as_of) in enumerate(examples)],
    )


def _records(table: pa.Table) -> list[dict[str, Any]]:
    in_us = [
        column.cast(pa.int64()) if pa.types.is_timestamp(column.type) else column
        for column in table.itercolumns()
    ]
    records: list[dict[str, Any]] = pa.table(in_us, names=table.column_names).to_pylist()
    return records


def _query(feature: Feature) -> str:
    rows = f"(select * from known where known.n = e.n and scope = '{feature.scope}') k"
    filters = [f"kind in ({_listed(feature.kinds)})"] if feature.kinds else []
    filters += [f"kind not in ({_listed(feature.except_kinds)})"] if feature.except_kinds else []
    filters += [
        f"{name} = '{value}'" for name in ("direction", "channel") if (value := getattr(feature, name))
    ]
    window_us = round((feature.window_days or 0) * US_PER_DAY)
    window = f"age < {window_us}" if feature.window_days else "1"
    moment, _, unit = (feature.part or "").rpartition("_")
    return _SQL[feature.measure].format(
        k=rows,
        chosen=f"(select * from {rows} where {' and '.join([*filters, window])})",
        chosen_ever=f"(select * from {rows} where {' and '.join(filters) or '1'})",
        window=window,
        window_us=window_us,
        half_life=float((feature.half_life_days or 0) * US_PER_DAY),
        before=_listed(feature.before_kinds),
        others=_listed(feature.except_kinds),
        attribute=feature.attribute,
        as_type="real" if feature.type == "number" else "text",
        changes="changes c where c.lead_id = e.lead_id and c.available_at <= e.as_of "
        f"and c.attribute = '{feature.attribute}'",
        part=_PARTS.get(unit),
        moment="e.as_of" if moment == "as_of" else "l.created_at",
    )


def _listed(kinds: Iterable[str]) -> str:
    return ", ".join(f"'{kind}'" for kind in kinds)
