"""Spark reads a table in parts as one machine does: the same features to the bit, the same refusals."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.checks.checked_history import read_history
from features.spark.tables import local_folder
from tests.features.spark.test_examples import started
from tests.support.builders import history_folder, lead, table, touch, won

LEADS = [lead(f"{number:03d}", number, account_id=f"a{number % 5}") for number in range(24)]
TOUCHES = [
    touch(f"{number % 24:03d}", ("call_held", "chat")[number % 2], 30 + number / 2) for number in range(90)
]
OUTCOMES = [won("003", 90), won("008", 91)]

# A file system that is not of this machine, for all that Spark knows: a cluster of one disk.
REMOTE = "viewfs://cluster/disk"
_MOUNT = "spark.hadoop.fs.viewfs.mounttable.cluster.link./disk=file:///"
CLUSTER = {"PYSPARK_SUBMIT_ARGS": f"--conf {_MOUNT} --conf spark.ui.enabled=false pyspark-shell"}

# Features of all leads at their ends, here and on Spark, compared to the bit; or both refusals.
_COMPARED = """
import sys
import numpy as np
from features.catalog.default_catalog import default_catalogue
from features.checks.checked_history import read_history
from features.engine.engine import Examples, compute_here
from features.errors import LeadOddsError
from features.spark.examples import features_of_examples
from pyspark.sql import SparkSession

# One session serves all.
SparkSession.stop = lambda session: None
for source in sys.argv[1:]:
    history = read_history(source.removeprefix("file://").removeprefix("viewfs://cluster/disk")).history
    feature_set = default_catalogue(history)
    count = history.leads_count
    examples = Examples(np.arange(count), np.full(count, history.observed_until))
    here = compute_here(feature_set, history, examples)
    there = features_of_examples(source, partition_rows=60)(feature_set, history, examples)
    assert here.vocabularies == there.vocabularies and here.names == there.names, source
    assert np.array_equal(here.values, there.values, equal_nan=True), source
    print(len(here.names), np.isfinite(here.values).mean() > 0.3)
"""
_REFUSED = """
import sys
from features.errors import LeadOddsError
from features.spark.frames import open_history, partition_by_account
from features.spark.session import spark_session
from pyspark.sql import SparkSession

SparkSession.stop = lambda session: None
for source in sys.argv[1:]:
    try:
        with spark_session() as session:
            partition_by_account(open_history(session, source), partition_rows=60).toArrow()
    except LeadOddsError as error:
        print(str(error).replace(chr(10), " "))
"""


def write(folder: Path, name: str, parts: dict[str, pa.Table]) -> None:
    """Replaces a table of a history by a folder of parts."""
    (folder / f"{name}.parquet").unlink()
    for path, rows in parts.items():
        file = folder / f"{name}.parquet" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(rows, file)


def cast(rows: pa.Table, column: str, type_: pa.DataType) -> pa.Table:
    place = rows.schema.get_field_index(column)
    return rows.set_column(place, column, rows[column].cast(type_))


def of_several_types(folder: Path) -> Path:
    """Attributes, ids, numbers and times of other types in each part, and columns of some parts only."""
    rows = table("leads", LEADS)
    first = {
        "small": pa.array(range(12), pa.int32()),
        "mixed": pa.array(range(12), pa.int64()),
        "single": pa.array([number / 4 for number in range(12)], pa.float32()),
        "exact": pa.array([Decimal(number) / 4 for number in range(12)], pa.decimal128(6, 2)),
        "unsigned": pa.array(range(12), pa.uint64()),
        "word": pa.array(["nl", "de", None] * 4),
        "nothing": pa.nulls(12),
        "tags": pa.array([["x"], None] * 6),
    }
    second = {
        "small": pa.array(range(12), pa.int64()),
        "mixed": pa.array([number / 4 for number in range(12)], pa.float64()),
        "single": pa.array([number / 3 for number in range(12)], pa.float64()),
        "exact": pa.array([number / 3 for number in range(12)], pa.float64()),
        "unsigned": pa.array(range(-6, 6), pa.int8()),
        "word": pa.array(["be", "de", None] * 4).dictionary_encode(),
        "nothing": pa.array(["a", "b", None] * 4, pa.large_string()),
        "tags": pa.array([{"y": 1}, None] * 6),
        "late": pa.array([True, None, False] * 4),
    }
    for place, own in ((0, first), (12, second)):
        part = rows[place : place + 12]
        for name, cells in own.items():
            part = part.append_column(name, cells)
        if not place:
            write(folder, "leads", {"a.parquet": cast(part, "created_at", pa.timestamp("s", "Asia/Tokyo"))})
        else:
            pq.write_table(part, folder / "leads.parquet" / "b.parquet")
    early, late = table("interactions", TOUCHES[:40]), table("interactions", TOUCHES[40:])
    late = late.append_column("value", pa.array([number / 3 for number in range(50)]))
    parts = {
        "x/a.parquet": early.append_column("value", pa.array(range(40))),
        "b.parquet": cast(late, "occurred_at", pa.timestamp("ns", "UTC")),
        "c.parquet": early.append_column("available_at", early["occurred_at"]),
    }
    write(folder, "interactions", parts)
    return folder


def with_paths(folder: Path) -> Path:
    """Ids, kinds and attributes that stand in paths."""
    rows = table("leads", LEADS)
    write(
        folder,
        "leads",
        {
            f"size={number}/country={cell}/a.parquet": rows[6 * number : 6 * number + 6]
            for number, cell in enumerate(("nl", "d%C3%A9", "__HIVE_DEFAULT_PARTITION__", "07"))
        },
    )
    with_own = {own: [one for one in TOUCHES if one["lead_id"] == own] for own in ("003", "007", "008")}
    others = [one for one in TOUCHES if one["lead_id"] not in with_own]
    parts = {
        f"lead_id={own}/a.parquet": table("interactions", rows).drop_columns(["lead_id"])
        for own, rows in with_own.items()
    }
    write(folder, "interactions", {**parts, "a.parquet": table("interactions", others)})
    write(folder, "outcomes", {"outcome=converted/a.parquet": table("outcomes", OUTCOMES)})
    return folder


def as_people_write(folder: Path) -> Path:
    """Times and numbers as texts, of which one cell in one part tells how all are written."""
    early, late = TOUCHES[:1], TOUCHES[1:]
    dates = [f"{1 + number % 9}/{1 + number % 8}/2026" for number in range(len(late))]
    rows = [
        table("interactions", some)
        .drop_columns(["occurred_at"])
        .append_column("occurred_at", pa.array(own))
        .append_column("value", pa.array(values))
        for some, own, values in (
            (early, ["1/25/2026"], ["1,250.50"]),
            (late, dates, [f"1,{100 + number}" for number in range(len(late))]),
        )
    ]
    write(folder, "interactions", {"a.parquet": rows[0], "b.parquet": rows[1]})
    (folder / "history.toml").write_text('zone = "UTC"\n')
    return folder


def with_odd_names(folder: Path) -> Path:
    """Parts alike, in a folder whose name Hadoop takes for a pattern, under names with capitals."""
    rows = table("interactions", TOUCHES)
    write(folder, "interactions", {"a.parquet": rows[:30], "b.PARQUET": rows[30:], "_SUCCESS": rows[:1]})
    (folder / "interactions.parquet").rename(folder / "Interactions.Parquet")
    (folder / "leads.parquet").rename(folder / "LEADS.parquet")
    return folder.rename(folder.with_name("h[1] {a} *"))


def with_machines(folder: Path) -> Path:
    """Rows that a machine made: by what one part of the table says of them, by their times in both."""
    minute = 1 / 1_440
    sent = [touch(row["lead_id"], "email_sent", 40 + minute / 7) for row in LEADS]
    opened = [
        touch(
            row["lead_id"],
            "email_opened",
            40 + minute / 7 + (minute / 30 if number % 2 else 1),
            is_automated=[None, False, True][number % 3],
        )
        for number, row in enumerate(LEADS)
    ]
    late = [{**row, "occurred_at": row["occurred_at"] + 9} for row in (*sent, *opened)]
    marked = table("interactions", [*sent, *opened])
    unmarked = table("interactions", [*TOUCHES, *late]).drop_columns(["is_automated"])
    write(folder, "interactions", {"a.parquet": marked, "b.parquet": unmarked})
    opens = read_history(folder).history.interactions.kind
    # Of both parts, some opens are left out and some not.
    assert 0 < opens.codes.tolist().count(opens.values.index("email_opened")) < 2 * len(LEADS)
    return folder


@pytest.mark.all
def test_read_frames__of_parts_are_what_one_machine_reads(tmp_path: Path) -> None:
    folders = [
        made(history_folder(tmp_path / made.__name__ / "history", LEADS, TOUCHES, OUTCOMES))
        for made in (of_several_types, with_paths, with_odd_names, as_people_write, with_machines)
    ]

    sources = [*map(str, folders[:4]), f"file://{folders[4]}", *(REMOTE + str(one) for one in folders[:3])]

    compared = started(tmp_path, "-c", _COMPARED, *sources, **CLUSTER)

    assert compared.returncode == 0, compared.stderr
    assert [line.split()[1] for line in compared.stdout.splitlines()] == ["True"] * 8


@pytest.mark.all
def test_read_frames__refuse_what_one_machine_refuses(tmp_path: Path) -> None:
    folders = [history_folder(tmp_path / name, LEADS, TOUCHES, OUTCOMES) for name in "abcde"]
    undecided = as_people_write(history_folder(tmp_path / "f", LEADS, TOUCHES, OUTCOMES))
    (undecided / "interactions.parquet" / "a.parquet").unlink()
    rows = table("leads", LEADS)
    write(
        folders[0],
        "leads",
        {
            "a.parquet": rows[:2].append_column("own", pa.array([1, 2])),
            "b.parquet": rows[2:].append_column("own", pa.array(["x"] * 22)),
        },
    )
    write(folders[1], "leads", {"account_id=b/a.parquet": rows})
    write(folders[2], "leads", {"a.parquet": rows})
    (folders[2] / "leads.parquet" / "b.parquet").write_bytes(b"PAR1 cut")
    (folders[3] / "leads.parquet").rename(folders[3] / "leads.csv")
    (folders[4] / "leads.parquet").rename(folders[4] / "lead.parquet")

    sources = [*map(str, folders), str(undecided)]
    elsewhere = [REMOTE + source for source in sources]

    refused = started(
        tmp_path, "-c", _REFUSED, *sources, *elsewhere, REMOTE + "/nowhere", "hdfs3://x/y", **CLUSTER
    )

    assert refused.returncode == 0, refused.stderr
    told = refused.stdout.splitlines()
    assert [line.replace(REMOTE, "") for line in told[6:12]] == told[:6]
    assert "D002 The table leads is missing" in told[12]
    assert 'hdfs3://x/y cannot be read: No FileSystem for scheme "hdfs3"' in told[13]
    assert "D014 leads.parquet/b.parquet does not fit the other parts of its table: own is string" in told[0]
    assert "Spark failed: leads.parquet/account_id=b/a.parquet does not fit the other parts" in told[1]
    assert "account_id is b in its path and a0 in its rows" in told[1]
    assert "D004 leads.parquet/b.parquet cannot be read: it is no whole Parquet file." in told[2]
    assert told[3].startswith("Spark reads histories of Parquet tables")
    assert "D002 The table leads is missing (lead.parquet -> leads)." in told[4]
    assert 'D017 interactions.occurred_at is written like "1/2/2026", which does not tell' in told[5]
    assert 'D018 interactions.value is written like "1,100", whose mark may group digits' in told[5]


@pytest.mark.parametrize(
    ("source", "folder"),
    [("a/b", "a/b"), ("file:///a%20b/c", "/a b/c"), ("file:/a", "/a"), ("s3a://bucket/a", None)],
)
def test_local_folder__is_that_of_this_machine(source: str, folder: str | None) -> None:
    assert local_folder(source) == (None if folder is None else Path(folder))
