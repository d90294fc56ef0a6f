"""Histories as nobody plans them: what `check` calls trainable `train` takes, without a traceback."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from features.errors import LeadOddsError
from leadodds_python.frames import tables_of_frames
from tests.support.small_business import CONFIG, small_business
from training.data_checks.trainability import check_for_training
from training.prepared_data import prepare_data
from training.train import train

Frames = dict[str, pd.DataFrame]
_DAY = pd.Timedelta(days=1)


def _company() -> Frames:
    made = small_business(leads_count=400)
    return {name: rows.to_pandas() for name, rows in made.items()}


def _delayed(days: float) -> Callable[[Frames], None]:
    def change(made: Frames) -> None:
        outcomes = made["outcomes"]
        delay = np.random.default_rng(1).exponential(days, len(outcomes))
        outcomes["available_at"] = outcomes["occurred_at"] + pd.to_timedelta(delay, "D")

    return change


def _sets(table: str, **columns: object) -> Callable[[Frames], None]:
    def change(made: Frames) -> None:
        made[table] = made[table].assign(**columns)

    return change


def _keeps(table: str, **limits: int) -> Callable[[Frames], None]:
    """Keeps the rows before a day."""

    def change(made: Frames) -> None:
        for column, days in limits.items():
            first = made["leads"]["created_at"].min()
            made[table] = made[table][made[table][column] < first + days * _DAY]

    return change


def _at_creation(made: Frames) -> None:
    created = made["leads"].set_index("lead_id")["created_at"]
    made["outcomes"]["occurred_at"] = made["outcomes"]["lead_id"].map(created)


def _before_creation(made: Frames) -> None:
    _at_creation(made)
    made["outcomes"].loc[::2, "occurred_at"] -= 3 * _DAY


def _customers_only(made: Frames) -> None:
    won = made["outcomes"][made["outcomes"]["outcome"] == "converted"]
    made["outcomes"] = won
    for table in ("leads", "interactions"):
        made[table] = made[table][made[table]["lead_id"].isin(won["lead_id"])]


def _each_its_own(made: Frames) -> None:
    for column in ("kind", "campaign"):
        made["interactions"][column] = [f"{column} {n}" for n in range(len(made["interactions"]))]
    made["leads"]["notes"] = [f"{n} " + "x" * 2_000 for n in range(len(made["leads"]))]


def _dates(made: Frames) -> None:
    made["leads"] = made["leads"][["lead_id", "created_at"]].assign(signed="2024-05-01")


def _header_only(made: Frames) -> None:
    made["attribute_changes"] = pd.DataFrame(
        {"lead_id": [], "attribute": [], "value": [], "available_at": []}, dtype=object
    )


ODD: dict[str, Callable[[Frames], None]] = {
    "reports of weeks": _delayed(20),
    "reports of months": _delayed(60),
    "outcomes in one minute": _sets("outcomes", occurred_at=pd.Timestamp("2026-04-20", tz="UTC")),
    "outcomes known in one minute": _sets("outcomes", available_at=pd.Timestamp("2026-05-10", tz="UTC")),
    "leads in one minute": _sets("leads", created_at=pd.Timestamp("2026-01-01", tz="UTC")),
    "outcomes at creation": _at_creation,
    "outcomes before creation": _before_creation,
    "only lost": _sets("outcomes", outcome="lost"),
    "only converted": _sets("outcomes", outcome="converted"),
    "only reopened": _sets("outcomes", outcome="reopened"),
    "customers only": _customers_only,
    "no outcomes": _keeps("outcomes", occurred_at=0),
    "outcomes dried up": _keeps("outcomes", occurred_at=50),
    "interactions dried up": _keeps("interactions", occurred_at=50),
    "leads dried up": _keeps("leads", created_at=50),
    "no interactions": _keeps("interactions", occurred_at=0),
    "two leads": lambda made: made.update(leads=made["leads"][:2]),
    "one account": _sets("leads", account_id="unknown"),
    "one campaign": _sets("interactions", campaign="spring"),
    "constant": _sets("leads", country="nl", size=5),
    "kinds, campaigns and notes of their own": _each_its_own,
    "dates alone": _dates,
    "amounts below zero": _sets("outcomes", amount=-5.0),
    "the greatest numbers": _sets("leads", size=1.7e308),
    "a table with a header alone": _header_only,
}


@pytest.mark.parametrize("name", ODD)
def test_check_for_training__agrees_with_what_is_prepared_for_a_training(name: str) -> None:
    made = _company()
    ODD[name](made)
    source = tables_of_frames(made)

    report = check_for_training(source, config=CONFIG)
    try:
        prepare_data(source, config=CONFIG)
        is_taken = True
    except LeadOddsError:
        is_taken = False

    assert is_taken == report.can_train


@pytest.mark.long
@pytest.mark.parametrize("name", ODD)
def test_train__takes_what_check_calls_trainable(name: str, tmp_path: Path) -> None:
    made = _company()
    ODD[name](made)
    source = tables_of_frames(made)
    if not check_for_training(source, config=CONFIG).can_train:
        pytest.skip("not trainable")

    assert train(source, home=tmp_path, config=CONFIG).model_version == "1"
