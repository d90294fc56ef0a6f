"""The same cells through every door: files, databases, DataFrames, Spark, requests, tables of features.

Each door gives what it took the cells for, by lead: texts of categories and of the campaign, a number, a
boolean, and how many interactions the account of the lead has.
"""

from __future__ import annotations

import csv
import json
import math
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import sqlalchemy as sa

from features.checks.checked_history import read_history
from features.history.lead_history import AttributeType, LeadHistory
from features.history.settings import HistorySettings
from features.history.text_rule import EXACT_FLOATS, TEXT_RULE, category_text
from features.inputs.lead_inputs import history_of_leads
from features.partitions.partitions import read_partition, write_partitions
from features.sources.connections import open_engine
from features.times import format_time
from leadodds_python.frames import tables_of_frames
from models.pyfunc import FeatureTableModel
from models.scorecard.bins import FeatureBins
from models.scorecard.scorecard import Scorecard, Term
from serving.bodies.intake_bodies import InteractionsBody
from serving.bodies.intake_items import LeadBody
from serving.bodies.score_bodies import ScoreRequest, check_body
from serving.bodies.strict_json import parse_json
from serving.scoring.body_leads import request_of_body
from serving.scoring.lead_requests import history_of
from serving.scoring.predictor import Predictor
from serving.store.evidence import read_evidence
from serving.stored_leads.score_lead import lead_of_evidence
from tests.support.builders import at
from tests.support.processes import ROOT
from tests.support.scorecards import bundle_with
from tests.support.stores import HandClock, new_database, open_store


class Row(NamedTuple):
    """The cells of one lead and of its interaction; None and NaN are missing, and so are some texts."""

    whole: int | None = None
    double: float | None = None
    single: np.float32 | None = None
    flag: bool | None = None
    word: str | None = None
    size: int | str | None = None
    budget: bool | str | None = None
    account: float | None = None
    campaign: str | None = None


Seen = dict[str, list[Any]]

CATEGORIES: Final = ("whole", "double", "single", "flag", "word")
TYPES: Final[Mapping[str, AttributeType]] = {
    **dict.fromkeys(CATEGORIES, "category"),
    "size": "number",
    "budget": "boolean",
}
# As many digits as float32 does not have.
FIRST_ID: Final = 51_200_000_001
_TIME: Final = pa.timestamp("us", tz="UTC")


def through_parquet(folder: Path, rows: Sequence[Row]) -> Seen:
    """Typed columns; the ids of interactions are floats, with one missing."""
    write_parquet(folder, rows)
    return seen([read_history(folder, attribute_types=TYPES).history])


def through_partitions(folder: Path, rows: Sequence[Row]) -> Seen:
    """The same, split by account."""
    write_parquet(folder / "history", rows)
    made = write_partitions(
        folder / "history", folder / "split", attribute_types=TYPES, partition_rows=20, workers=1
    )
    histories = [made.read(number)[0] for number in range(made.layout.count)]
    return seen(history for history in histories if history is not None)


def through_csv(folder: Path, rows: Sequence[Row]) -> Seen:
    """Texts alone: those that the rule gives to cells of other types."""
    folder.mkdir(parents=True)
    time = format_time(at(0))
    leads: list[list[object]] = [
        [FIRST_ID + place, time, *map(_csv_cell, (row.account, *row[:7]))] for place, row in enumerate(rows)
    ]
    touches: list[list[object]] = [
        [FIRST_ID + place, "page_view", time, row.campaign] for place, row in enumerate(rows)
    ]
    write_csv(folder / "leads.csv", ["lead_id", "created_at", "account_id", *Row._fields[:7]], leads)
    write_csv(folder / "interactions.csv", ["lead_id", "kind", "occurred_at", "campaign"], touches)
    return seen([read_history(folder, attribute_types=TYPES).history])


def through_sqlite(folder: Path, rows: Sequence[Row]) -> Seen:
    """Cells of any type in any column, as SQLite keeps them; booleans as numbers and texts."""
    folder.mkdir(parents=True)
    types = {
        "lead_id": "INTEGER",
        "account_id": "REAL",
        "whole": "INTEGER",
        "double": "REAL",
        "single": "REAL",
        "flag": "BOOLEAN",
        "word": "TEXT",
        "size": "",
        "budget": "BOOLEAN",
    }
    url = new_database(None, folder)
    _fill(url, rows, types, time="TEXT", float_id="REAL")
    return seen([read_history(url, attribute_types=TYPES).history])


def through_postgresql(server: str, folder: Path, rows: Sequence[Row]) -> Seen:
    """Typed columns; ids and whole numbers are NUMERIC."""
    types = {
        "lead_id": "bigint",
        "account_id": "float8",
        "whole": "numeric",
        "double": "float8",
        "single": "float4",
        "flag": "boolean",
        "word": "text",
        "size": "text",
        "budget": "text",
    }
    url = new_database(server, folder)
    _fill(url, rows, types, time="timestamptz", float_id="numeric")
    return seen([read_history(url, attribute_types=TYPES).history])


def read_on_spark(*sources: str) -> list[Seen]:
    """Reads folders of Parquet files, or their URIs, in a process of its own."""
    settings = {"SPARK_LOCAL_IP": "127.0.0.1", "SPARK_MASTER": "local[1]", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "tests.support.doors", *sources]
    told = subprocess.run(
        command, env={**os.environ, **settings}, capture_output=True, text=True, timeout=300, check=False
    )
    assert told.returncode == 0, told.stderr
    read: list[Seen] = json.loads(told.stdout.splitlines()[-1])
    return read


def through_store(folder: Path, rows: Sequence[Row]) -> Seen:
    """`PUT /v1/leads/{id}` and `POST /v1/interactions`, then what a score of the lead reads."""
    folder.mkdir(parents=True)
    predictor = Predictor.from_bundle(bundle_with(_scorecard(dict.fromkeys(TYPES, ()))))
    histories = []
    with closing(open_store(new_database(None, folder), clock=HandClock(at(1)))) as store:
        sent = [_interaction(place, row) for place, row in enumerate(rows)]
        for place, row in enumerate(rows):
            body = check_body(LeadBody, _json({**_account(row), **_lead(row)}))
            store.put_lead(str(FIRST_ID + place), body).result()
        body = check_body(InteractionsBody, _json({"source": "crm", "interactions": sent}))
        assert {one.status for one in store.add_interactions("crm", body.interactions).result()} == {"stored"}
        for place in range(len(rows)):
            read = partial(
                read_evidence, lead_id=str(FIRST_ID + place), with_account=True, settings=HistorySettings()
            )
            lead = lead_of_evidence(predictor, store.read(read), as_of=at(2))
            histories.append(history_of_leads([lead], observed_until=at(2), attribute_types=TYPES))
    return seen(histories)


def through_body(rows: Sequence[Row]) -> Seen:
    """`POST /v1/score`, which takes categories as texts alone."""
    predictor = Predictor.from_bundle(bundle_with(_scorecard(dict.fromkeys(TYPES, ()))))
    accounts = [_account(row).get("account_id") for row in rows]
    requests = []
    for place, row in enumerate(rows):
        lead = _lead(row)
        lead["attributes"] |= {name: written(getattr(row, name)) for name in CATEGORIES}
        theirs = [_touch(other) for other, one in zip(rows, accounts, strict=True) if one == accounts[place]]
        sent = {"lead_id": str(FIRST_ID + place), **lead, **_account(row), "as_of": format_time(at(2))}
        sent |= {"interactions": [_touch(row)], "account_interactions": theirs}
        requests.append(request_of_body(predictor, check_body(ScoreRequest, _json(sent)), now=at(2)))
    return seen(history_of([request]) for request in requests)


def through_feature_table(rows: Sequence[Row]) -> Seen:
    """A DataFrame of feature values; the probabilities tell what they were taken for."""
    table = _frame(rows)
    texts = {name: [category_text(getattr(row, name), TEXT_RULE) for row in rows] for name in CATEGORIES}
    return {name: _told_by_probability(name, table[name], texts.get(name, ())) for name in TYPES}


def through_frames(rows: Sequence[Row]) -> Seen:
    """DataFrames as tables of a history; the ids of interactions are floats, with one missing."""
    ids = [FIRST_ID + place for place in range(len(rows))]
    time = pd.Timestamp(at(0), unit="us", tz="UTC")
    leads = _frame(rows).assign(lead_id=ids, created_at=time, account_id=[row.account for row in rows])
    touches = pd.DataFrame(
        {"lead_id": [*map(float, ids), math.nan], "kind": "page_view", "occurred_at": time}
    )
    campaign = pd.Series([*(row.campaign for row in rows), None], dtype=object)
    frames = {"leads": leads, "interactions": touches.assign(campaign=campaign)}
    return seen([read_history(tables_of_frames(frames), attribute_types=TYPES).history])


def _frame(rows: Sequence[Row]) -> pd.DataFrame:
    """Cells as pandas has them, a column of its own type or of objects for each."""
    return pd.DataFrame(
        {
            "whole": pd.array([row.whole for row in rows], "Int64"),
            "double": pd.Series([row.double for row in rows], dtype=np.float64),
            "single": pd.Series([row.single for row in rows], dtype=np.float32),
            **{
                name: pd.Series([getattr(row, name) for row in rows], dtype=object)
                for name in ("flag", "word", "size", "budget")
            },
        }
    )


def write_parquet(folder: Path, rows: Sequence[Row]) -> None:
    """Writes leads and interactions with columns of their own types."""
    folder.mkdir(parents=True)
    ids = [FIRST_ID + place for place in range(len(rows))]
    times = pa.array([at(0)] * len(rows)).cast(_TIME)
    types = {"whole": pa.int64(), "double": pa.float64(), "single": pa.float32(), "flag": pa.bool_()}
    columns = {name: pa.array([getattr(row, name) for row in rows], type_) for name, type_ in types.items()}
    texts = {
        name: pa.array([written(getattr(row, name)) for row in rows], pa.string())
        for name in ("word", "size", "budget")
    }
    account = pa.array([row.account for row in rows], pa.float64())
    leads = {"lead_id": ids, "created_at": times, "account_id": account, **columns, **texts}
    pq.write_table(pa.table(leads), folder / "leads.parquet")
    touches = {
        "lead_id": pa.array([*map(float, ids), math.nan], pa.float64()),
        "kind": ["page_view"] * (len(rows) + 1),
        "occurred_at": pa.array([at(0)] * (len(rows) + 1)).cast(_TIME),
        "campaign": pa.array([*(row.campaign for row in rows), None], pa.string()),
    }
    pq.write_table(pa.table(touches), folder / "interactions.parquet")


def seen(histories: Iterable[LeadHistory]) -> Seen:
    """Lists what histories hold of each lead, in the order of the ids."""
    records = sorted(record for history in histories for record in _records(history))
    names = (*TYPES, "campaign", "account")
    return {name: [record[1][place] for record in records] for place, name in enumerate(names)}


def _records(history: LeadHistory) -> Iterable[tuple[str, tuple[Any, ...]]]:
    for row, lead_id in enumerate(history.lead_ids.to_pylist()):
        attributes = [_value(history, name, row) for name in TYPES]
        first = history.interactions.starts[row]
        code = history.interactions.campaign.codes[first]
        campaign = None if code < 0 else history.interactions.campaign.values[code]
        account, theirs = history.account[row], history.account_interactions
        count = None if account < 0 or theirs is None else int(np.diff(theirs.starts)[account])
        yield lead_id, (*attributes, campaign, count)


def _value(history: LeadHistory, name: str, row: int) -> Any:
    attribute = history.attributes.get(name)
    values = [] if attribute is None else [attribute.values[row]]
    if attribute is not None and attribute.changes is not None:
        start, stop = attribute.changes.starts[row : row + 2]
        values += attribute.changes.values[start:stop].tolist()
    if attribute is None or math.isnan(values[-1]):
        return None
    return attribute.categories[int(values[-1])] if attribute.type == "category" else float(values[-1])


def written(cell: object) -> str | None:
    """Writes a cell as a text, one that spells a missing one too."""
    return cell if isinstance(cell, str) else category_text(cell, TEXT_RULE)


def _csv_cell(cell: object) -> str | None:
    return "NaN" if isinstance(cell, float | np.floating) and math.isnan(cell) else written(cell)


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])


def _fill(url: str, rows: Sequence[Row], types: Mapping[str, str], *, time: str, float_id: str) -> None:
    engine = open_engine(url)
    is_sqlite = engine.dialect.name == "sqlite"
    columns = ", ".join(f"{name} {type_}" for name, type_ in types.items())
    with engine.begin() as connection:
        connection.exec_driver_sql(f"CREATE TABLE leads ({columns}, created_at {time})")
        connection.exec_driver_sql(
            f"CREATE TABLE interactions (lead_id {float_id}, kind text, occurred_at {time}, campaign text)"
        )
        for place, row in enumerate(rows):
            cells = dict(zip(Row._fields, map(partial(_driver_cell, is_sqlite=is_sqlite), row), strict=True))
            cells |= {"lead_id": FIRST_ID + place, "account_id": cells.pop("account")}
            cells |= {"created_at": format_time(at(0))}
            if not is_sqlite:
                cells |= {name: written(cells[name]) for name in ("size", "budget")}
            campaign = cells.pop("campaign")
            _insert(connection, "leads", cells)
            touch = {"lead_id": FIRST_ID + place, "kind": "page_view", "occurred_at": format_time(at(0))}
            _insert(connection, "interactions", {**touch, "campaign": campaign})
        nobody = {"lead_id": None, "kind": "page_view", "occurred_at": format_time(at(0)), "campaign": None}
        _insert(connection, "interactions", nobody)
    engine.dispose()


def _driver_cell(cell: object, *, is_sqlite: bool) -> object:
    if isinstance(cell, np.float32):
        return _double(cell)
    if is_sqlite and isinstance(cell, float) and math.isnan(cell):
        # SQLite would make null of it.
        return "NaN"
    return cell


def _double(cell: float | np.float32) -> float:
    """The number of 64 bits that says the same: a float32 of 0.1 is 0.1."""
    is_exact = float(cell).is_integer() and abs(cell) < EXACT_FLOATS
    return float(cell) if is_exact else float(str(cell))


def _insert(connection: sa.Connection, table: str, cells: Mapping[str, object]) -> None:
    names = ", ".join(cells)
    connection.execute(
        sa.text(f"INSERT INTO {table} ({names}) VALUES ({', '.join(f':{name}' for name in cells)})"),
        dict(cells),
    )


def _json(body: object) -> object:
    return parse_json(json.dumps(body).encode())


def _account(row: Row) -> dict[str, Any]:
    cell = row.account
    if cell is None:
        return {}
    return {"account_id": "NaN" if math.isnan(cell) else category_text(cell, TEXT_RULE)}


def _lead(row: Row) -> dict[str, Any]:
    numbers = {name: getattr(row, name) for name in ("whole", "double", "single")}
    told = {
        name: None if cell is None or math.isnan(cell) else cell if isinstance(cell, int) else _double(cell)
        for name, cell in numbers.items()
    }
    others = {name: getattr(row, name) for name in ("flag", "word", "size", "budget")}
    others["size"] = float(row.size) if isinstance(row.size, str) and row.size[:1].isdigit() else row.size
    return {"created_at": format_time(at(0)), "attributes": {**told, **others}}


def _touch(row: Row) -> dict[str, Any]:
    return {"kind": "page_view", "occurred_at": format_time(at(0)), "campaign": row.campaign}


def _interaction(place: int, row: Row) -> dict[str, Any]:
    return {**_touch(row), "lead_id": str(FIRST_ID + place), "interaction_id": str(place)}


def _scorecard(categories: Mapping[str, Sequence[str]]) -> Scorecard:
    """One table a feature, each code with a logit of its own; account features are read too."""
    bins = tuple(
        FeatureBins(name, TYPES[name], np.array([] if TYPES[name] == "category" else _EDGES), tuple(texts))
        for name, texts in categories.items()
    )
    terms = tuple(
        Term((place,), np.linspace(0.0, 1.0, one.codes_count)[:, np.newaxis])
        for place, one in enumerate(bins)
    )
    return Scorecard(bins, np.array([0.0, 30.0]), 30.0, terms, np.array([-2.0]))


# Between all numbers that the tests use.
_EDGES: Final = (0.5, 1.5, 7.0, 8.0, 100.0)


def _told_by_probability(name: str, column: pd.Series[Any], texts: Sequence[str | None]) -> list[Any]:
    known = tuple(sorted({text for text in texts if text is not None}))
    model = FeatureTableModel(bundle_with(_scorecard({name: known})))
    numbers = [None, 0.0, 1.0, *([7.5, 12.0, 120.0] if TYPES[name] == "number" else [])]
    candidates: list[Any] = [None, *known] if TYPES[name] == "category" else numbers
    asked = pd.DataFrame({name: pd.Series(candidates, dtype=object)})
    of_probability = dict(zip(model.predict(asked).tolist(), candidates, strict=True))
    return [
        of_probability.get(one, "unknown") for one in model.predict(pd.DataFrame({name: column})).tolist()
    ]


DOORS: Final[Mapping[str, Callable[[Path, Sequence[Row]], Seen]]] = {
    "parquet": through_parquet,
    "partitions": through_partitions,
    "csv": through_csv,
    "sqlite": through_sqlite,
    "store": through_store,
    "body": lambda _, rows: through_body(rows),
    "frames": lambda _, rows: through_frames(rows),
    "feature table": lambda _, rows: through_feature_table(rows),
}


def _read_here(sources: Sequence[str]) -> list[Seen]:
    from features.spark.session import spark_session

    with spark_session() as session:
        return [_seen_on_spark(session, source) for source in sources]


def _seen_on_spark(session: Any, source: str) -> Seen:
    from pyspark.sql import functions as of

    from features.spark.frames import open_history, partition_by_account

    opened = open_history(session, source, attribute_types=TYPES)
    frame = partition_by_account(opened, partition_rows=20).withColumn("part", of.spark_partition_id())
    rows = frame.toArrow()
    parts = rows["part"].unique().to_pylist()
    histories = [
        read_partition(opened.raw(rows.filter(pa.compute.equal(rows["part"], part))), attribute_types=TYPES)[
            0
        ]
        for part in parts
    ]
    return seen(history for history in histories if history is not None)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(_read_here(sys.argv[1:])))
