"""One text for each id and category, one notion of missing, at every door; old bundles keep their rule."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as some

from features.history.text_rule import FIRST_RULE
from features.inputs.lead_inputs import LeadInput, history_of_leads
from models.bundle.bundle import read_bundle, write_bundle
from models.pyfunc import FeatureTableModel
from serving.batch.run import score_history
from serving.scoring.predictor import Predictor
from tests.support.builders import at
from tests.support.doors import (
    DOORS,
    TYPES,
    Row,
    Seen,
    read_on_spark,
    through_postgresql,
    write_parquet,
)
from tests.support.stores import running_postgresql

# Written by the commit before the rule: a bundle whose categories are booleans, numbers and "None", and what
# it answered to the rows below.
FIXTURE = Path(__file__).parent / "support" / "fixtures" / "first_text_rule"
EXPECTED = json.loads((FIXTURE / "expected.json").read_text())
# The answers were written on another kind of processor; another text would move them by far more.
ACROSS_PROCESSORS = 1e-12

LEADS = ["a", "b", "c", "d", "e", "f"]
PAID = [True, False, None, True, False, None]
PLAN = [5.0, 7.5, math.nan, 1e-5, 51200000001.0, None]
ORIGIN = ["None", "n/a", "web", "", None, "None"]
ACCOUNT = [512.0, math.nan, math.nan, 512.0, math.nan, None]


def test_bundle_without_a_text_rule__scores_a_folder_as_before(tmp_path: Path) -> None:
    folder = tmp_path / "history"
    folder.mkdir()
    moments = pa.array([at(0)] * len(LEADS)).cast(pa.timestamp("us", tz="UTC"))
    leads = {"lead_id": LEADS, "created_at": moments, "paid": PAID, "plan": PLAN, "origin": ORIGIN}
    pq.write_table(pa.table({**leads, "account_id": ACCOUNT}), folder / "leads.parquet")
    touches = pa.table({"lead_id": LEADS, "kind": ["page_view"] * len(LEADS), "occurred_at": moments})
    pq.write_table(touches, folder / "interactions.parquet")
    out = tmp_path / "scores.parquet"

    score_history(
        folder, home=tmp_path / "home", as_of=at(1), out=str(out), scored_at=at(1),
        model=str(FIXTURE / "bundle"),
    )  # fmt: skip

    # Leads b, c and e are of one account, "nan"; 51200000001.0 is unknown, as 5.1200000001e+10.
    assert pq.read_table(out)["probability"].to_pylist() == pytest.approx(
        EXPECTED["parquet"], rel=ACROSS_PROCESSORS
    )


def test_bundle_without_a_text_rule__scores_requests_as_before() -> None:
    predictor = Predictor.from_bundle(read_bundle(FIXTURE / "bundle"))
    cells = zip(LEADS, PAID, PLAN, ORIGIN, strict=True)
    leads = [
        LeadInput(lead, at(0), None, {"paid": paid, "plan": plan, "origin": origin})
        for lead, paid, plan, origin in cells
    ]
    made = history_of_leads(
        leads,
        observed_until=at(1),
        attribute_types=predictor.attribute_types,
        settings=predictor.settings,
    )

    scores = predictor.score(made, np.arange(len(LEADS)), at(1))

    assert predictor.text_rule == FIRST_RULE
    assert scores.probability.tolist() == pytest.approx(EXPECTED["request"], rel=ACROSS_PROCESSORS)


def test_bundle_without_a_text_rule__scores_feature_tables_as_before() -> None:
    plan = [5.0, 7.5, None, 1e-5, 51200000001.0, "5"]
    cells = {"paid": PAID, "plan": plan, "origin": ORIGIN}
    table = pd.DataFrame({name: pd.Series(column, dtype=object) for name, column in cells.items()})

    probability = FeatureTableModel(read_bundle(FIXTURE / "bundle")).predict(
        table.assign(account_count=[1, 2, 3, 1, 1, 1])
    )

    assert probability.tolist() == pytest.approx(EXPECTED["pyfunc"], rel=ACROSS_PROCESSORS)


def test_bundle_without_a_text_rule__is_written_as_it_was_read(tmp_path: Path) -> None:
    write_bundle(tmp_path / "copy", read_bundle(FIXTURE / "bundle"))

    written = {path.name: path.read_bytes() for path in (tmp_path / "copy").iterdir()}
    assert written == {path.name: path.read_bytes() for path in (FIXTURE / "bundle").iterdir()}


NAN = math.nan
# Cells as they come, and what each is: texts of categories, a number, a boolean, a campaign; the account.
CELLS: list[tuple[Row, tuple[object, ...]]] = [
    (
        Row(5, 5.0, np.float32(5), True, "5.0", 12, True, 512.0, "spring"),
        ("5", "5", "5", "true", "5.0", 12.0, 1.0, "spring"),
    ),
    (
        Row(0, 0.1, np.float32(0.1), False, "007", "7.5", False, NAN, "n/a"),
        ("0", "0.1", "0.1", "false", "007", 7.5, 0.0, None),
    ),
    (
        Row(-1, 1e-05, np.float32(1e-05), None, "True", "-", "n/a", None, "NULL"),
        ("-1", "1e-05", "1e-05", None, "True", None, None, None),
    ),
    (
        Row(12345678901234567, 1e16, np.float32(1e16), None, "n/a", "n/a", None, 512.0, ""),
        ("12345678901234567", "1e+16", "1e+16", None, None, None, None, None),
    ),
    (
        Row(51200000001, 51200000001.0, np.float32(16777216), True, "-", 0, True, NAN, "None"),
        ("51200000001", "51200000001", "16777216", "true", "-", 0.0, 1.0, None),
    ),
    (
        Row(None, NAN, np.float32(NAN), None, "NULL", None, "None", NAN, "\\N"),
        (None, None, None, None, None, None, None, None),
    ),
    (
        Row(7, 0.00012345, np.float32(2.5), False, " n/a", 1, "NULL", 7.0, "nan"),
        ("7", "0.00012345", "2.5", "false", " n/a", 1.0, None, None),
    ),
    (
        Row(-0, -0.0, np.float32(-0.0), True, "1e5", "", "", 7.5, " spring"),
        ("0", "0", "0", "true", "1e5", None, None, " spring"),
    ),
    (
        Row(8, 123456.75, np.float32(0.3), None, "none", "NaN", False, None, "-"),
        ("8", "123456.75", "0.3", None, None, None, 0.0, "-"),
    ),
]
# Interactions of each account: 512 has two leads, and who has none is in no account with others.
OF_ACCOUNT = [2, None, None, 2, None, None, 1, 1, None]


def expected(cells: Sequence[tuple[Row, tuple[object, ...]]]) -> Seen:
    columns = zip(*(told for _, told in cells), strict=True)
    return dict(zip((*TYPES, "campaign"), map(list, columns), strict=True))


def assert_told(made: Seen) -> None:
    whole = expected(CELLS) | {"account": OF_ACCOUNT}
    assert made == {name: whole[name] for name in made}


@pytest.mark.parametrize("door", DOORS)
def test_door__has_one_text_for_each_cell(door: str, tmp_path: Path) -> None:
    made = DOORS[door](tmp_path / "door", [row for row, _ in CELLS])

    assert_told(made)


@pytest.mark.all
def test_postgresql__has_one_text_for_each_cell(tmp_path: Path) -> None:
    with running_postgresql() as server:
        made = through_postgresql(server, tmp_path / "door", [row for row, _ in CELLS])

    assert_told(made)


@pytest.mark.all
def test_spark__has_one_text_for_each_cell_and_takes_missing_ones_by_the_file_beside(tmp_path: Path) -> None:
    write_parquet(tmp_path / "door", [row for row, _ in CELLS])
    # One cell tells how the sizes in all partitions are written.
    others = [Row(size="1,100", account=float(number)) for number in range(30)]
    first = Row(word="?", account=7.5, campaign="n/a", size="1,234.50")
    write_parquet(tmp_path / "own", [first, Row(word="n/a", account=7.5), *others])
    (tmp_path / "own" / "history.toml").write_text('missing = ["?"]\n')

    made, own = read_on_spark(str(tmp_path / "door"), (tmp_path / "own").as_uri())

    assert_told(made)
    assert (own["word"][:2], own["campaign"][:2], own["account"][:2]) == (
        [None, "n/a"],
        ["n/a", None],
        [2, 2],
    )
    assert own["size"] == [1234.5, None, *[1100.0] * 30]


WORDS = some.text(some.characters(exclude_categories=("Cs", "Cc")), max_size=8) | some.sampled_from(
    ["n/a", "NULL", "none", "nan", "-", "\\N", "5.0", "1e-05", "True", "007", " ", "NA"]
)
ROWS = some.builds(
    Row,
    whole=some.none() | some.integers(-(2**63), 2**63 - 1),
    double=some.none() | some.floats(allow_infinity=False),
    single=some.none() | some.floats(width=32, allow_infinity=False).map(np.float32),
    flag=some.none() | some.booleans(),
    word=some.none() | WORDS,
    size=some.none()
    | some.sampled_from([0, 1, 12, 120, "7.5", "-", "n/a", "NULL", "", "NaN", "None", "\\N"]),
    budget=some.none() | some.booleans() | some.sampled_from(["n/a", "NULL", "", "nan", "none"]),
    account=some.none() | some.sampled_from([NAN, 512.0, 7.5, 51200000001.0]),
    campaign=some.none() | WORDS,
)


# Not shrunk: that takes minutes, and a failure names the rows as they are.
@settings(max_examples=25, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate))
@given(rows=some.lists(ROWS, min_size=1, max_size=5))
def test_doors__tell_the_same_of_any_cells(rows: list[Row], tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("doors")
    told = DOORS["parquet"](folder / "parquet", rows)

    others = {name: door(folder / name, rows) for name, door in DOORS.items() if name != "parquet"}

    assert others == {name: {column: told[column] for column in made} for name, made in others.items()}
    for row, double, single in zip(rows, told["double"], told["single"], strict=True):
        assert (row.double is None or math.isnan(row.double)) == (double is None)
        assert (row.single is None or np.isnan(row.single)) == (single is None)
        # Each text reads back, in its own width.
        assert double is None or float(double) == row.double
        assert single is None or np.float32(single) == row.single
