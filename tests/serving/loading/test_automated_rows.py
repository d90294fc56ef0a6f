"""What a machine made is the same from files, from a company's database and from that of the service."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa

from features.catalog.default_catalog import default_catalogue
from features.checks.checked_history import read_history
from features.engine.engine import compute_here
from features.engine.matrix import Examples
from features.sources.connections import open_engine
from serving.rescoring.store_chunk import read_chunk
from serving.scoring.predictor import Predictor
from tests.serving.loading.test_load import load
from tests.support.builders import at, bytes_of, history_folder, lead, tables, touch
from tests.support.small_models import small_bundle
from tests.support.stores import fill_database

SECOND = 1 / 86_400
LEADS = [lead(f"l{number:02}", number / 8, account_id=f"a{number % 7}") for number in range(48)]


def _touches(*, marked: bool) -> list[dict[str, Any]]:
    """Mails, and opens soon after and later; what is said of an open is nothing, false or true."""
    rows = []
    for number, row in enumerate(LEADS):
        sent = 10 + number / 5 + 7 * SECOND
        rows.append(touch(row["lead_id"], "email_sent", sent, interaction_id=f"s{number}"))
        for place, after in enumerate((3 * SECOND, 1.0, 2.5)):
            said = {"is_automated": (None, False, True)[(number + place) % 3]} if marked else {}
            own = {"interaction_id": f"o{number}-{place}", **said}
            rows.append(touch(row["lead_id"], "email_opened", sent + after, **own))
    return rows


def _features(source: str | Path) -> dict[str, Any]:
    """Bytes of the default features of all leads at two moments, by name, and texts of categories."""
    made = read_history(source, observed_until=at(40)).history
    every = np.arange(made.leads_count)
    examples = Examples(np.tile(every, 2), np.repeat(np.array([at(14), at(30)]), len(every)))
    matrix = compute_here(default_catalogue(made), made, examples)
    assert made.lead_ids.to_pylist() == [row["lead_id"] for row in LEADS]
    own = {name: values.tobytes() for name, values in zip(matrix.names, matrix.values, strict=True)}
    return {**own, "vocabularies": dict(matrix.vocabularies)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return history_folder(tmp_path_factory.mktemp("marked") / "history", LEADS, _touches(marked=True))


def test_is_automated__decides_features(folder: Path, tmp_path: Path) -> None:
    unmarked = history_folder(tmp_path / "history", LEADS, _touches(marked=False))

    told, untold = _features(folder), _features(unmarked)

    assert told["email_opened_count"] != untold["email_opened_count"]


def test_is_automated__of_a_database_gives_the_features_of_files(folder: Path, database: str) -> None:
    fill_database(open_engine(database, poolclass=sa.pool.NullPool), tables(LEADS, _touches(marked=True)))

    assert _features(database) == _features(folder)


def test_is_automated__of_a_loaded_history_gives_the_features_of_files(folder: Path, database: str) -> None:
    load(folder, database)

    assert _features(database) == _features(folder)
    with open_engine(database, poolclass=sa.pool.NullPool).connect() as connection:
        kept = connection.execute(sa.text("SELECT is_automated, count(*) FROM interactions GROUP BY 1")).all()
        ids = [row["lead_id"] for row in LEADS]
        chunk = read_chunk(connection, Predictor.from_bundle(small_bundle()), ids)
    # What scores the list reads the same.
    expected = read_history(folder, observed_until=at(40)).history.interactions
    assert bytes_of(chunk.history.interactions) == bytes_of(expected)
    # Nothing is said of mails and of a third of the opens.
    assert {None if said is None else bool(said): count for said, count in kept} == {
        None: 96,
        False: 48,
        True: 48,
    }
