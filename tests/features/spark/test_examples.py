"""The same engine on Spark: the same bits, whatever becomes of a worker."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.times import format_time
from tests.support.builders import at, change, history_folder, link, lost, touch, won
from tests.support.processes import ROOT
from tests.support.small_models import home_with, random_bundle
from tests.test_parity import CATEGORIES, FEATURES, random_rows

AS_OF = format_time(at(40))
LEADS = 300

# The features of examples of all leads at several moments, here and on Spark, compared to the bit.
_TRAINING = """
import sys
import numpy as np
from features.catalog.default_catalog import default_catalogue
from features.catalog.spec import FeatureSet
from features.catalog.wording import declare
from features.engine.engine import Examples, compute_here
from features.checks.checked_history import read_history
from features.spark.examples import features_of_examples

history = read_history(sys.argv[1]).history
# An earlier moment may have inferred a number from what was known of the mood then.
as_number = declare("attribute", name="mood_as_number", attribute="mood", type="number")
feature_set = FeatureSet((*default_catalogue(history).features, as_number))
assert history.attributes["mood"].type == "category" and "mood" in feature_set.names
random = np.random.default_rng(1)
as_of = random.integers(history.created_at.min(), history.observed_until, 1_000)
examples = Examples(random.integers(0, history.leads_count, 1_000), as_of)
here = compute_here(feature_set, history, examples)
there = features_of_examples(sys.argv[1], partition_rows=400)(feature_set, history, examples)
assert here.vocabularies == there.vocabularies and here.names == there.names
assert np.array_equal(here.values, there.values, equal_nan=True)
assert np.array_equal(np.signbit(here.values), np.signbit(there.values))
print(len(here.names), np.isfinite(here.values).mean() > 0.2)
"""


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A history with accounts, ids that repeat across leads, outcomes; and a model."""
    folder = tmp_path_factory.mktemp("company")
    leads, interactions = random_rows(3, LEADS)
    # Sent for leads of different accounts, the later one first.
    for number in range(0, LEADS - 1, 2):
        sent = {"source": "crm", "interaction_id": f"across-{number}", "value": float(number)}
        interactions.append(touch(f"L{number:04d}", "meeting_held", 39.5, **sent))
        interactions.append(touch(f"L{number + 1:04d}", "meeting_held", 39.0, **sent))
    moods = [
        change(f"L{number:04d}", "mood", mood, 30 + number % 9)
        for number, mood in enumerate(["5", "calm", "7.5"] * 60)
    ]
    outcomes = [won("L0001", 39), lost("L0002", 39.9)]
    # Visitors of leads, some of whose ids others have too, and leads merged into leads of other accounts.
    interactions += [touch(f"v{number}", "page_view", number % 40) for number in range(60)]
    for number in range(60):
        sent = {"source": "web", "interaction_id": f"v{number % 9}"}
        interactions.append(touch(f"v{number}", "page_view", 9, **sent))
    aliases = [link(f"v{number}", f"L{number * 7 % LEADS:04d}", number % 35) for number in range(50)]
    aliases += [link(f"L{number:04d}", f"L{number + 40:04d}", 20 + number % 15) for number in range(0, 90, 3)]
    history_folder(folder / "history", leads, interactions, outcomes, moods, aliases)
    home_with(folder / "home", random_bundle(FEATURES, CATEGORIES, seed=5))
    return folder


def run(company: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs a command of the front door, on two cores of this machine."""
    return started(company, "-m", "leadodds", *arguments, **environment)


def started(company: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs Python to its end, with Spark on two cores of this machine."""
    variables = {
        "LEADODDS_HOME": str(company / "home"),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_MASTER": "local[2]",
        "PYTHONPATH": str(ROOT),
        "OMP_NUM_THREADS": "1",
    }
    command = [sys.executable, *arguments]
    return subprocess.run(
        command, env={**os.environ, **variables, **environment}, capture_output=True, text=True, timeout=300
    )


def table_of(path: Path) -> pa.Table:
    """Rows in the order of the parts, without the moment at which they were scored."""
    parts = (
        [pq.read_table(part) for part in sorted(path.iterdir())] if path.is_dir() else [pq.read_table(path)]
    )
    table = pa.concat_tables(parts).combine_chunks()
    return table.drop_columns([name for name in ("scored_at",) if name in table.column_names])


def assert_same(company: Path, command: str, *options: str, **environment: str) -> None:
    arguments = (command, str(company / "history"), "--as-of", AS_OF, *options, "--quiet", "--out")
    here, there = company / f"{command}.parquet", company / f"{command}-on-spark"
    local = run(company, *arguments, str(here))
    spark = run(company, *arguments, str(there), "--engine", "spark", **environment)

    assert (local.returncode, spark.returncode) == (0, 0), local.stderr + spark.stderr
    expected, found = table_of(here), table_of(there)
    assert found.schema.types == expected.schema.types
    # To the bit: what differs in the last place is not equal, and nothing is NaN.
    assert found.to_pylist() == expected.to_pylist()
    assert found.num_rows > LEADS // 2


@pytest.mark.all
def test_score_on_spark__gives_the_bits_of_one_machine(company: Path) -> None:
    assert_same(company, "score")


@pytest.mark.all
def test_features_on_spark__gives_the_bits_of_one_machine(company: Path) -> None:
    assert_same(company, "features", "--model", "1")


@pytest.mark.all
def test_features_of_examples__on_spark_are_the_bits_of_one_machine(company: Path) -> None:
    compared = started(company, "-c", _TRAINING, str(company / "history"))

    assert compared.returncode == 0, compared.stderr
    names_count, is_told = compared.stdout.split()
    assert (int(names_count) > 50, is_told) == (True, "True")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), "Spark needs Java, and none of version 17 or later starts."),
        (("--resume",), "--resume cannot be used with --engine spark."),
    ],
)
def test_score_on_spark__says_in_one_sentence_what_is_missing(
    company: Path, tmp_path: Path, options: tuple[str, ...], message: str
) -> None:
    pytest.importorskip("pyspark")
    arguments = ("score", str(company / "history"), "--engine", "spark", "--out", str(tmp_path / "out"))

    refused: Any = run(company, *arguments, *options, JAVA_HOME=str(tmp_path))

    assert refused.returncode == 2
    assert refused.stderr.startswith(message)
    assert refused.stderr.count("\n") == 1
