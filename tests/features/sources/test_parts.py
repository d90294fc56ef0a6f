"""A table in parts is the table of all their rows: no part decides for the others, and none vanishes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.checks.checks import check_history, examine
from features.findings.problems import Problem
from features.history.lead_history import LeadHistory
from features.partitions.partitions import write_partitions
from features.sources import json_files
from tests.support.builders import (
    Row,
    at,
    bytes_of,
    history,
    history_folder,
    lead,
    table,
    tables,
    touch,
    won,
    write_table,
)

LEADS = [lead(f"{number:03d}", number, account_id=f"a{number % 3}") for number in range(12)]
TOUCHES = [touch(f"{number % 12:03d}", "call_held", 20 + number) for number in range(40)]
OUTCOMES = [won("003", 70, amount=1.5)]
UTC = pa.timestamp("us", tz="UTC")


@pytest.fixture(params=["whole", "streamed", "partitioned"])
def read(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], LeadHistory]:
    """Reads a history at once, by one partition, or by many."""
    if request.param != "whole":
        monkeypatch.setattr("features.partitions.reading.LARGE_ROWS", 0)
        rows = 20 if request.param == "partitioned" else 100_000
        monkeypatch.setattr("features.partitions.reading.PARTITION_ROWS", rows)
        for module in ("partitions", "pool"):
            monkeypatch.setattr(f"features.partitions.{module}.cores_count", lambda: 1)

    def read_sound(folder: Path) -> LeadHistory:
        made, problems = examine(folder)
        assert made is not None, problems
        return made

    return read_sound


def in_parts(folder: Path, name: str, parts: Mapping[str, pa.Table]) -> Path:
    """Replaces a table of a sound history by a folder of parts."""
    history_folder(folder, LEADS, TOUCHES, OUTCOMES)
    (folder / f"{name}.parquet").unlink()
    for path, rows in parts.items():
        file = folder / f"{name}.parquet" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(rows, file)
    return folder


def halves(name: str, rows: list[Row]) -> tuple[pa.Table, pa.Table]:
    middle = len(rows) // 2
    return table(name, rows[:middle]), table(name, rows[middle:])


def cast(rows: pa.Table, column: str, type_: pa.DataType) -> pa.Table:
    place = rows.schema.get_field_index(column)
    return rows.set_column(place, column, rows[column].cast(type_))


def found(folder: Path, code: str) -> list[Problem]:
    return [problem for problem in check_history(folder).problems if problem.code == code]


def test_parts__a_later_one_has_columns_of_its_own(tmp_path: Path, read: Any) -> None:
    early, late = halves("interactions", TOUCHES)
    known = pa.array([at(100)] * len(late)).cast(UTC)
    late = late.append_column("available_at", known).append_column("value", pa.array([2.5] * len(late)))
    folder = in_parts(tmp_path, "interactions", {"a.parquet": early, "b.parquet": late})
    whole = pa.concat_tables([early, late], promote_options="default")
    expected = history_folder(tmp_path / "expected", LEADS, TOUCHES, OUTCOMES)
    write_table(whole, expected / "interactions.parquet")

    made = read(folder)

    assert bytes_of(made) == bytes_of(read(expected))
    assert set(made.interactions.value.tolist()[-2:]) == {2.5}
    assert [problem.sentence for problem in found(folder, "D028")] == [
        "interactions has columns that only some of its parts have: available_at, value; they are empty in "
        "the others."
    ]


def test_parts__an_attribute_of_a_later_one_is_there(tmp_path: Path, read: Any) -> None:
    rows = [row | ({"country": "nl"} if number > 5 else {}) for number, row in enumerate(LEADS)]
    early, late = table("leads", rows[:6]), table("leads", rows[6:])
    folder = in_parts(tmp_path, "leads", {"a.parquet": early, "b.parquet": late})

    made = read(folder)

    assert bytes_of(made) == bytes_of(history(rows, TOUCHES, OUTCOMES))


WIDER = {
    "integers": (pa.int32(), pa.int64(), [1, 2, None, 4]),
    "signs": (pa.uint64(), pa.int8(), [1, 2, None, 4]),
    "integer and float": (pa.int32(), pa.float64(), [1, 2, None, 4]),
    "float and integer": (pa.float32(), pa.int64(), [1, 2, None, 4]),
    "floats": (pa.float32(), pa.float64(), [0.5, 2.0, None, 4.25]),
    "decimals": (
        pa.decimal128(5, 2),
        pa.decimal128(12, 4),
        [Decimal("1.50"), Decimal(2), None, Decimal("4.25")],
    ),
    "decimal and integer": (pa.decimal128(5, 0), pa.int64(), [Decimal(1), Decimal(2), None, Decimal(4)]),
    "decimal and float": (
        pa.decimal128(5, 2),
        pa.float64(),
        [Decimal("1.50"), Decimal(2), None, 4.25],
    ),
    "text of two widths": (pa.string(), pa.large_string(), ["x", "y", None, "z"]),
    "text and codes": (pa.string(), pa.dictionary(pa.int32(), pa.string()), ["x", "y", None, "z"]),
    "text and views": (pa.string(), pa.string_view(), ["x", "y", None, "z"]),
    "nothing and text": (pa.null(), pa.string(), [None, None, "x", "y"]),
    "float of nothing and text": (pa.float64(), pa.string(), [None, None, "x", "y"]),
    "booleans": (pa.bool_(), pa.bool_(), [True, None, False, True]),
}


@pytest.mark.parametrize("types", WIDER)
def test_parts__types_of_an_attribute_widen(tmp_path: Path, read: Any, types: str) -> None:
    one, other, cells = WIDER[types]
    ids = [row["lead_id"] for row in LEADS]
    rows = table("leads", LEADS)
    parts = {
        "a.parquet": rows[:2].append_column("own", pa.array(cells[:2], one)),
        "b.parquet": rows[2:4].append_column("own", pa.array(cells[2:], other)),
        "c.parquet": rows[4:].append_column("own", pa.nulls(len(ids) - 4)),
    }
    plain = [float(cell) if isinstance(cell, Decimal) else cell for cell in cells]
    expected = [row | {"own": cell} for row, cell in zip(LEADS, [*plain, *[None] * 8], strict=True)]
    is_number = not isinstance(plain[3], str | bool)

    made = read(in_parts(tmp_path, "leads", parts))

    if is_number:
        expected = [row | {"own": None if row["own"] is None else float(row["own"])} for row in expected]
    assert bytes_of(made) == bytes_of(history(expected, TOUCHES, OUTCOMES))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (pa.timestamp("ns", tz="UTC"), pa.timestamp("us", tz="UTC")),
        (pa.timestamp("s", tz="UTC"), pa.timestamp("ms", tz="Asia/Tokyo")),
        (pa.timestamp("ms", tz="America/New_York"), pa.timestamp("us", tz="UTC")),
    ],
)
def test_parts__times_of_several_units_and_zones_become_microseconds_utc(
    tmp_path: Path, read: Any, one: pa.DataType, other: pa.DataType
) -> None:
    early, late = halves("interactions", TOUCHES)
    parts = {"a.parquet": cast(early, "occurred_at", one), "b.parquet": cast(late, "occurred_at", other)}

    made = read(in_parts(tmp_path, "interactions", parts))

    assert bytes_of(made) == bytes_of(history(LEADS, TOUCHES, OUTCOMES))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (pa.int32(), pa.string()),
        (pa.int64(), pa.float64()),
        (pa.float64(), pa.string()),
        (pa.uint64(), pa.int64()),
    ],
)
def test_parts__ids_are_the_same_texts_in_each_type(
    tmp_path: Path, read: Any, one: pa.DataType, other: pa.DataType
) -> None:
    leads = [lead(str(number), number) for number in range(10, 22)]
    touches = [touch(str(10 + number % 12), "call_held", 30 + number) for number in range(40)]
    early, late = halves("interactions", touches)
    parts = {"a.parquet": cast(early, "lead_id", one), "b.parquet": cast(late, "lead_id", other)}
    folder = in_parts(tmp_path, "interactions", parts)
    write_table(table("leads", leads), folder / "leads.parquet")
    write_table(table("outcomes", [won("13", 70)]), folder / "outcomes.parquet")

    made = read(folder)

    assert bytes_of(made) == bytes_of(history(leads, touches, [won("13", 70)]))


def test_parts__long_ids_do_not_pass_through_a_float(tmp_path: Path, read: Any) -> None:
    ids = [2**53 + number for number in range(4)]
    leads = [lead(str(own)) for own in ids]
    parts = {
        "a.parquet": table("interactions", [touch(own, "call_held", 1) for own in ids]),  # type: ignore[arg-type]
        "b.parquet": table("interactions", [touch(7.5, "call_held", 1)]),  # type: ignore[arg-type]
    }
    folder = in_parts(tmp_path, "interactions", parts)
    write_table(table("leads", leads), folder / "leads.parquet")

    made = read(folder)

    assert made.interactions.starts.tolist() == [0, 1, 2, 3, 4]


REFUSED: dict[str, tuple[str, pa.Array, pa.Array, str]] = {
    "number and text": ("leads", pa.array([1]), pa.array(["x"]), "own is string there and int64 in"),
    "boolean and number": ("leads", pa.array([True]), pa.array([1]), "own is int64 there and bool in"),
    "text and time": ("leads", pa.array(["x"]), pa.array([0]).cast(UTC), "own is timestamp"),
    "list and number": ("leads", pa.array([[1]]), pa.array([1]), "own is int64 there and list<"),
}


@pytest.mark.parametrize("types", REFUSED)
def test_parts__that_do_not_fit_are_refused_by_name_and_types(tmp_path: Path, types: str) -> None:
    name, one, other, fault = REFUSED[types]
    rows = table(name, LEADS)
    parts = {
        "a.parquet": rows[:1].append_column("own", one),
        "sub/b.parquet": rows[1:2].append_column("own", other),
    }

    (problem,) = found(in_parts(tmp_path, name, parts), "D014")

    assert problem.stops == "everything"
    assert problem.sentence.startswith(
        f"leads.parquet/sub/b.parquet does not fit the other parts of its table: {fault}"
    )
    assert "leads.parquet/a.parquet" in problem.sentence


@pytest.mark.parametrize(
    "other",
    [pa.timestamp("us"), pa.int64(), pa.string(), pa.date32()],
    ids=["no zone", "epoch", "text", "date"],
)
def test_parts__with_times_of_another_kind_are_refused(tmp_path: Path, other: pa.DataType) -> None:
    early, late = halves("interactions", TOUCHES)
    parts = {"a.parquet": early, "b.parquet": cast(late, "occurred_at", other)}

    (problem,) = found(in_parts(tmp_path, "interactions", parts), "D014")

    assert problem.table == "interactions"
    assert f"occurred_at is {other}" in problem.sentence


def test_parts__with_lists_of_several_shapes_leave_the_attribute_out(tmp_path: Path) -> None:
    rows = table("leads", LEADS)
    parts = {
        "a.parquet": rows[:6].append_column("tags", pa.array([["x"]] * 6)),
        "b.parquet": rows[6:].append_column("tags", pa.array([{"y": 1}] * 6)),
    }
    folder = in_parts(tmp_path, "leads", parts)

    assert [problem.column for problem in found(folder, "D034")] == ["tags"]
    assert found(folder, "D014") == []


def test_parts__without_a_required_column_are_refused(tmp_path: Path) -> None:
    early, late = halves("interactions", TOUCHES)
    folder = in_parts(
        tmp_path, "interactions", {"a.parquet": early, "b.parquet": late.drop_columns(["kind"])}
    )

    (problem,) = found(folder, "D014")

    assert problem.sentence == (
        "interactions.parquet/b.parquet does not fit the other parts of its table: it lacks kind, which "
        "interactions.parquet/a.parquet has."
    )


def test_parts__all_without_a_required_column_are_a_table_without_it(tmp_path: Path) -> None:
    parts = {
        name: part.drop_columns(["kind"])
        for name, part in zip("ab", halves("interactions", TOUCHES), strict=True)
    }
    folder = in_parts(tmp_path, "interactions", {f"{name}.parquet": part for name, part in parts.items()})

    assert [problem.column for problem in found(folder, "D006")] == ["kind"]


def test_parts__with_a_column_twice_are_told(tmp_path: Path) -> None:
    early, late = halves("interactions", TOUCHES)
    twice = late.append_column("kind", late["kind"])
    folder = in_parts(tmp_path, "interactions", {"a.parquet": early, "b.parquet": twice})

    assert [problem.column for problem in found(folder, "D007")] == ["kind"]


def by_lead(rows: list[Row], name: str) -> dict[str, pa.Table]:
    """One part for each lead, whose id stands in the path alone."""
    ids = dict.fromkeys(row["lead_id"] for row in rows)
    parts = {own: table(name, [row for row in rows if row["lead_id"] == own]) for own in ids}
    return {f"lead_id={own}/part.parquet": part.drop_columns(["lead_id"]) for own, part in parts.items()}


@pytest.mark.parametrize("name", ["leads", "interactions"])
def test_parts__an_id_in_the_path_stays_a_text(tmp_path: Path, read: Any, name: str) -> None:
    rows = {"leads": LEADS, "interactions": TOUCHES}[name]

    made = read(in_parts(tmp_path, name, by_lead(rows, name)))

    assert bytes_of(made) == bytes_of(history(LEADS, TOUCHES, OUTCOMES))


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["5", "12", "-3"], [5.0, 12.0, -3.0]),
        (["5", "012", "x"], ["5", "012", "x"]),
        (["nl", "d%C3%A9%2F", "__HIVE_DEFAULT_PARTITION__"], ["nl", "dé/", None]),
        (["5", "__HIVE_DEFAULT_PARTITION__", "7"], [5.0, None, 7.0]),
    ],
)
def test_parts__an_attribute_in_the_path_is_a_number_only_where_all_are(
    tmp_path: Path, read: Any, cells: list[str], expected: list[Any]
) -> None:
    rows = table("leads", LEADS)
    parts = {f"own={cell}/x.parquet": rows[4 * part : 4 * part + 4] for part, cell in enumerate(cells)}

    made = read(in_parts(tmp_path, "leads", parts))

    leads = [row | {"own": expected[number // 4]} for number, row in enumerate(LEADS)]
    assert bytes_of(made) == bytes_of(history(leads, TOUCHES, OUTCOMES))


def test_parts__a_column_in_path_and_rows_has_to_agree(tmp_path: Path, read: Any) -> None:
    rows = [row | {"source": "crm"} for row in TOUCHES]
    early, late = halves("interactions", rows)
    folder = in_parts(tmp_path, "interactions", {"source=crm/a.parquet": early, "b.parquet": late})

    assert bytes_of(read(folder)) == bytes_of(history(LEADS, rows, OUTCOMES))

    (folder / "interactions.parquet" / "source=crm").rename(folder / "interactions.parquet" / "source=web")
    (problem,) = found(folder, "D014")

    assert problem.sentence == (
        "interactions.parquet/source=web/a.parquet does not fit the other parts of its table: source is web "
        "in its path and crm in its rows."
    )


def test_write_partitions__refuses_a_path_that_contradicts_its_rows(tmp_path: Path) -> None:
    folder = in_parts(tmp_path / "h", "interactions", {"lead_id=7/a.parquet": table("interactions", TOUCHES)})

    with pytest.raises(
        Exception, match=r"D014 interactions\.parquet/lead_id=7/a\.parquet .* lead_id is 7 in its path"
    ):
        write_partitions(folder, tmp_path / "parts", partition_rows=20, workers=1)


@pytest.mark.parametrize(
    "name",
    ["_SUCCESS", ".a.parquet.crc", "_temporary/0/b.parquet", ".ipynb_checkpoints/x.parquet", "_metadata"],
)
def test_parts__what_jobs_leave_beside_them_is_no_part(tmp_path: Path, read: Any, name: str) -> None:
    folder = in_parts(tmp_path, "interactions", {"a.parquet": table("interactions", TOUCHES)})
    left = folder / "interactions.parquet" / name
    left.parent.mkdir(parents=True, exist_ok=True)
    left.write_bytes(b"left")

    assert bytes_of(read(folder)) == bytes_of(history(LEADS, TOUCHES, OUTCOMES))


BROKEN = {
    "b.parquet": (b"", "the file is empty"),
    "c.parquet": (b"PAR1 no end", "it is no whole Parquet file"),
    "notes.txt": (b"x", "it is no .parquet file, as the others in interactions.parquet"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_parts__a_broken_one_is_named(tmp_path: Path, name: str) -> None:
    content, fault = BROKEN[name]
    folder = in_parts(tmp_path, "interactions", {"a.parquet": table("interactions", TOUCHES)})
    (folder / "interactions.parquet" / name).write_bytes(content)

    (problem,) = found(folder, "D004")

    assert problem.sentence == f"interactions.parquet/{name} cannot be read: {fault}."
    assert problem.table == "interactions"


def test_parts__one_cut_short_is_named(tmp_path: Path) -> None:
    folder = in_parts(tmp_path, "interactions", {"a.parquet": table("interactions", TOUCHES)})
    whole = (folder / "interactions.parquet" / "a.parquet").read_bytes()
    (folder / "interactions.parquet" / "b.parquet").write_bytes(whole[:-50])

    assert "interactions.parquet/b.parquet" in found(folder, "D004")[0].sentence


def test_parts__a_folder_without_files_and_a_delta_table_are_told(tmp_path: Path) -> None:
    folder = in_parts(tmp_path, "interactions", {"a.parquet": table("interactions", TOUCHES)})
    (folder / "interactions.parquet" / "_delta_log").mkdir()

    assert "a Delta table" in found(folder, "D004")[0].sentence

    (folder / "interactions.parquet" / "_delta_log").rmdir()
    (folder / "interactions.parquet" / "a.parquet").unlink()
    assert (
        found(folder, "D004")[0].sentence == "interactions.parquet cannot be read: the folder holds no file."
    )


def written_as_json(rows: Iterable[Row]) -> str:
    lines = [{name: cell for name, cell in row.items() if cell is not None} for row in rows]
    return "".join(json.dumps(line, default=lambda moment: moment.isoformat()) + "\n" for line in lines)


def write_text(rows: pa.Table, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".jsonl":
        path.write_text(written_as_json(rows.to_pylist()), encoding="utf-8")
    else:
        write_table(rows, path)


@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_parts__of_text_may_differ_in_order_and_columns(
    tmp_path: Path, read: Any, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    monkeypatch.setattr(json_files, "_BATCH_ROWS", 3)
    rows = [
        row | {"value": number / 2, "channel": "web"} if number >= 20 else row
        for number, row in enumerate(TOUCHES)
    ]
    early, late = table("interactions", rows[:20]), table("interactions", rows[20:])
    late = late.select(list(reversed(late.column_names)))
    history_folder(tmp_path, LEADS, TOUCHES, OUTCOMES)
    (tmp_path / "interactions.parquet").unlink()
    write_text(early, tmp_path / f"interactions{suffix}" / f"a{suffix}")
    write_text(late, tmp_path / f"interactions{suffix}" / f"b{suffix}")

    made = read(tmp_path)

    assert bytes_of(made) == bytes_of(history(LEADS, rows, OUTCOMES))
    assert [problem.table for problem in found(tmp_path, "D028")] == ["interactions"]


@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_parts__of_text_keep_an_id_of_their_path(tmp_path: Path, read: Any, suffix: str) -> None:
    history_folder(tmp_path, LEADS, TOUCHES, OUTCOMES)
    (tmp_path / "interactions.parquet").unlink()
    for path, rows in by_lead(TOUCHES, "interactions").items():
        write_text(rows, (tmp_path / f"interactions{suffix}" / path).with_suffix(suffix))

    assert bytes_of(read(tmp_path)) == bytes_of(history(LEADS, TOUCHES, OUTCOMES))


def test_json_lines__an_integer_before_a_float_changes_nothing(
    tmp_path: Path, read: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_files, "_BATCH_ROWS", 2)
    cells = [1, 2, 3, 2.5, None, 4, 1e3, 0, 7, 8, 9, 10]
    rows = [row | {"size": cell} for row, cell in zip(LEADS, cells, strict=True)]
    touches = [row | {"value": number if number < 9 else number + 0.5} for number, row in enumerate(TOUCHES)]
    made = tables(rows, touches, OUTCOMES)
    for name in made:
        own = {"leads": rows, "interactions": touches}.get(name)
        lines = made[name].to_pylist()
        if own:
            column = "size" if name == "leads" else "value"
            lines = [line | {column: row[column]} for line, row in zip(lines, own, strict=True)]
        (tmp_path / f"{name}.jsonl").write_text(written_as_json(lines), encoding="utf-8")

    assert bytes_of(read(tmp_path)) == bytes_of(history(rows, touches, OUTCOMES))
