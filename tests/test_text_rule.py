"""A bundle that names no text rule answers as it did before the rule had a number."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from features.history.text_rule import FIRST_RULE
from features.inputs.lead_inputs import LeadInput, history_of_leads
from models.bundle.bundle import read_bundle, write_bundle
from models.pyfunc import FeatureTableModel
from serving.batch.run import score_history
from serving.scoring.predictor import Predictor
from tests.support.builders import at

# Written by the commit before the rule: a bundle whose categories are booleans, numbers and "None", and what
# it answered to the rows below.
FIXTURE = Path(__file__).parent / "support" / "fixtures" / "first_text_rule"
EXPECTED = json.loads((FIXTURE / "expected.json").read_text())

LEADS = ["a", "b", "c", "d", "e", "f"]
PAID = [True, False, None, True, False, None]
PLAN = [5.0, 7.5, math.nan, 1e-5, 51200000001.0, None]
ORIGIN = ["None", "n/a", "web", "", None, "None"]
ACCOUNT = [512.0, math.nan, math.nan, 512.0, math.nan, None]


def test_bundle_without_a_text_rule__scores_a_folder_as_before(tmp_path: Path) -> None:
    moments = pa.array([at(0)] * len(LEADS)).cast(pa.timestamp("us", tz="UTC"))
    leads = {"lead_id": LEADS, "created_at": moments, "paid": PAID, "plan": PLAN, "origin": ORIGIN}
    pq.write_table(pa.table({**leads, "account_id": ACCOUNT}), tmp_path / "leads.parquet")
    touches = pa.table({"lead_id": LEADS, "kind": ["page_view"] * len(LEADS), "occurred_at": moments})
    pq.write_table(touches, tmp_path / "interactions.parquet")
    out = tmp_path / "scores.parquet"

    score_history(
        tmp_path, home=tmp_path / "home", as_of=at(1), out=str(out), scored_at=at(1),
        model=str(FIXTURE / "bundle"),
    )  # fmt: skip

    # Leads b, c and e are of one account, "nan"; 51200000001.0 is unknown, as 5.1200000001e+10.
    assert pq.read_table(out)["probability"].to_pylist() == EXPECTED["parquet"]


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
        text_rule=predictor.text_rule,
    )

    scores = predictor.score(made, np.arange(len(LEADS)), at(1))

    assert predictor.text_rule == FIRST_RULE
    assert scores.probability.tolist() == EXPECTED["request"]


def test_bundle_without_a_text_rule__scores_feature_tables_as_before() -> None:
    plan = [5.0, 7.5, None, 1e-5, 51200000001.0, "5"]
    cells = {"paid": PAID, "plan": plan, "origin": ORIGIN}
    table = pd.DataFrame({name: pd.Series(column, dtype=object) for name, column in cells.items()})

    probability = FeatureTableModel(read_bundle(FIXTURE / "bundle")).predict(
        table.assign(account_count=[1, 2, 3, 1, 1, 1])
    )

    assert probability.tolist() == EXPECTED["pyfunc"]


def test_bundle_without_a_text_rule__is_written_as_it_was_read(tmp_path: Path) -> None:
    write_bundle(tmp_path / "copy", read_bundle(FIXTURE / "bundle"))

    written = {path.name: path.read_bytes() for path in (tmp_path / "copy").iterdir()}
    assert written == {path.name: path.read_bytes() for path in (FIXTURE / "bundle").iterdir()}
