"""Moments of every kind are one instant; a configuration may be keys, a file, or nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from features.times import TimeError, parse_time
from leadodds_python.arguments import home_folder, read_config, read_moment
from training.config import ConfigError, TrainingConfig

NOON = parse_time("2026-05-01T12:00:00Z")


@pytest.mark.parametrize(
    "moment",
    [
        "2026-05-01T14:00:00+02:00",
        datetime(2026, 5, 1, 12, tzinfo=UTC),
        datetime(2026, 5, 1, 14, tzinfo=timezone(timedelta(hours=2))),
        pd.Timestamp("2026-05-01T14:00:00.000000999", tz="Europe/Berlin"),
        NOON,
        np.int64(NOON),
    ],
    ids=repr,
)
def test_read_moment__reads_every_kind(moment: Any) -> None:
    assert read_moment(moment, item="as_of") == NOON


def test_read_moment__leaves_what_is_absent_absent() -> None:
    assert read_moment(None, item="as_of") is None


@pytest.mark.parametrize("moment", ["2026-05-01", datetime(2026, 5, 1), pd.NaT])  # noqa: DTZ001 - no zone
def test_read_moment__refuses_a_time_without_a_zone(moment: Any) -> None:
    with pytest.raises(TimeError, match=r"as_of is '.*', which is not a time with a zone"):
        read_moment(moment, item="as_of")


def test_home_folder__is_the_given_one_or_that_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEADODDS_HOME", "elsewhere")
    named = home_folder()
    monkeypatch.delenv("LEADODDS_HOME")

    assert (home_folder("mine"), named, home_folder()) == (
        Path("mine"),
        Path("elsewhere"),
        Path("models/store"),
    )


def test_read_config__takes_keys_a_file_a_configuration_or_nothing(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("seed = 3\n")

    read = [
        read_config(given, quick=False) for given in ({"seed": 3}, file, str(file), TrainingConfig(seed=3))
    ]

    assert read == [TrainingConfig(seed=3)] * 4
    assert read_config(None, quick=True) == TrainingConfig(quick=True)
    assert read_config({"quick": True}, quick=False).quick


def test_read_config__names_a_key_that_is_none() -> None:
    with pytest.raises(ConfigError, match=r"of this call cannot be used:\n.*did you mean iterations"):
        read_config({"iteration": 3}, quick=False)
