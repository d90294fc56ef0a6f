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
                  source, interaction_id, is_automated);
create table changes (lead_id, attribute, value, available_at);
create table links (alias_id, lead_id, available_at);
create table usual (kind, direction);
create table examples (n, lead_id, as_of);
"""

# One row for each interaction that is known of an example, once as the lead's and once as the account's.
# Each id joins every lead on its chain of links once all of them, and the lead, are known. First links count.
_KNOWN = """
create table first_links as
select alias_id, lead_id, available_at from (
  select *, row_number() over (partition by alias_id order by available_at, lead_id) as place
  from links where alias_id <> lead_id) where place = 1;
create table joins as
with recursive chain (id, reached, known_at, steps) as (
  select alias_id, lead_id, available_at, 1 from first_links
  union all
  select c.id, f.lead_id, max(c.known_at, f.available_at), steps + 1
  from chain c join first_links f on f.alias_id = c.reached)
select c.id, l.lead_id, max(c.known_at, l.created_at) as joined_at, steps
from chain c join leads l on l.lead_id = c.reached;
create table owners as
select lead_id as id, lead_id, null as joined_at, created_at as seen_at, 0 as steps from leads
union all
select id, lead_id, joined_at, joined_at, steps from joins j
where joined_at < (select coalesce(min(joined_at), 9e18) from joins g where g.id = j.lead_id);
create table touches as
with clean as (
  select r.rowid as row, r.lead_id, r.kind, r.occurred_at,
         max(coalesce(available_at, occurred_at), occurred_at) as known_at,
         coalesce(r.direction, u.direction) as direction, channel, campaign, value, is_automated,
         source, interaction_id, (select min(seen_at) from owners o where o.id = r.lead_id) as seen_at
  from raw r left join usual u on u.kind = r.kind where r.lead_id in (select id from owners)),
numbered as (
  select *, row_number() over (
    partition by source, interaction_id
    order by max(known_at, seen_at), occurred_at, lead_id, kind,
             case direction when 'outbound' then -1 when 'inbound' then 1 else 0 end, channel, campaign,
             value nulls last, coalesce(is_automated, -1)) as place
  from clean)
select n.row, o.lead_id, kind, occurred_at, max(n.known_at, coalesce(o.joined_at, n.known_at)) as known_at,
       direction, channel, campaign, value, is_automated
from numbered n join owners o on o.id = n.lead_id where interaction_id is null or place = 1;
create table born as
select e.n, (select min(created_at) from (
  select created_at from leads l where l.lead_id = e.lead_id union all
  select l.created_at from owners o join leads l on l.lead_id = o.id
  where o.lead_id = e.lead_id and max(coalesce(o.joined_at, 0), l.created_at) <= e.as_of)) as created_at
from examples e;
-- Values of a lead, and what its aliases offer at their links, or at their creation where that is later.
create table initial as
select lead_id, 'size' as attribute, size as value from leads
union all select lead_id, 'country', country from leads;
create table own_values as
select lead_id, attribute, value, available_at from changes
union all
select o.lead_id, c.attribute, c.value, c.available_at
from owners o join changes c on c.lead_id = o.id and c.available_at > o.joined_at
where c.available_at not in (select created_at from leads l where l.lead_id = o.id);
create table offers as
select o.lead_id, o.id, o.steps, i.attribute, o.joined_at as at,
       case when exists (select * from changes c where c.lead_id = o.id and c.attribute = i.attribute
                         and c.available_at <= o.joined_at)
            then (select value from changes c where c.lead_id = o.id and c.attribute = i.attribute
                  and c.available_at <= o.joined_at order by c.available_at desc limit 1)
            when (select created_at from leads l where l.lead_id = o.id) <= o.joined_at
            then (select value from initial v where v.lead_id = o.id and v.attribute = i.attribute)
       end as value
from owners o, (select distinct attribute from initial) i where o.joined_at is not null
union all
select o.lead_id, o.id, o.steps, i.attribute, l.created_at,
       case when exists (select * from changes c where c.lead_id = o.id and c.attribute = i.attribute
                         and c.available_at <= l.created_at)
            then (select value from changes c where c.lead_id = o.id and c.attribute = i.attribute
                  and c.available_at = l.created_at order by value is null limit 1)
            else i.value
       end
from owners o join leads l on l.lead_id = o.id join initial i on i.lead_id = o.id
where l.created_at > o.joined_at;
create table grouped as
select 'lead' as scope, lead_id as owner, t.* from touches t
union all
select 'account', they.account_id, t.row, t.lead_id, kind, occurred_at, min(max(t.known_at, they.created_at)),
       direction, channel, campaign, value, is_automated
from touches t join leads they on they.lead_id = t.lead_id where they.account_id is not null
group by they.account_id, t.row;
create table mails as
select *, occurred_at / 1000000 as second from grouped
where kind in ('email_opened', 'email_clicked') and occurred_at % 60000000 not in (0, 59999999);
create table machine_made as
select m.scope, m.owner, m.row from mails m where is_automated is null and (
  exists (select * from grouped s where s.scope = m.scope and s.owner = m.owner and s.kind = 'email_sent'
          and s.known_at <= m.known_at and m.occurred_at - s.occurred_at between 0 and 10000000)
  or (select count(*) from mails b where b.scope = m.scope and b.owner = m.owner and b.second = m.second
      and b.known_at <= m.known_at) >= 3)
union all
select scope, owner, row from grouped where is_automated;
create table known as
select e.n, g.scope, kind, direction, channel, campaign, value, occurred_at, as_of - occurred_at as age
from examples e join leads me on me.lead_id = e.lead_id
     join grouped g on g.owner = case g.scope when 'lead' then e.lead_id else me.account_id end
                    and g.known_at <= e.as_of
where not exists (select * from machine_made d
                  where d.scope = g.scope and d.owner = g.owner and d.row = g.row);
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
    "attribute": "select cast(coalesce(case when exists (select * from {changes}) then "
    "(select value from {changes} order by c.available_at desc limit 1) else l.{attribute} end, "
    "(select value from offers o where o.lead_id = e.lead_id and attribute = '{attribute}' and at <= e.as_of "
    "and value is not null and at >= coalesce((select max(available_at) from {changes}), 0) "
    "order by at, steps, id limit 1)) as {as_type}) from leads l where l.lead_id = e.lead_id",
    "lead_age": f"select (e.as_of - created_at) {_DAY} from born b where b.n = e.n",
    # SQLite counts Sunday as day 0.
    "calendar": "select case '{part}' when '%w' then (p + 6) % 7 + 1 else p end from (select "
    "cast(strftime('{part}', {moment} / 1000000, 'unixepoch') as integer) as p "
    "from born b where b.n = e.n)",
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
    columns = {
        "leads": "leads",
        "interactions": "raw",
        "attribute_changes": "changes",
        "lead_aliases": "links",
    }
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
        changes="own_values c where c.lead_id = e.lead_id and c.available_at <= e.as_of "
        f"and c.attribute = '{feature.attribute}'",
        part=_PARTS.get(unit),
        moment="e.as_of" if moment == "as_of" else "b.created_at",
    )


def _listed(kinds: Iterable[str]) -> str:
    return ", ".join(f"'{kind}'" for kind in kinds)
