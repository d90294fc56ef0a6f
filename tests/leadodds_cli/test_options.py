"""Texts of options become moments, expiries and a configuration; what cannot be read names its option."""

from __future__ import annotations

from pathlib import Path

import pytest

from features.times import US_PER_DAY, DurationError, TimeError, parse_time
from leadodds_cli.options import home_folder, read_configuration, read_expiry, read_moment

NOON = parse_time("2026-05-01T12:00:00Z")


def test_read_moment__reads_a_time_and_leaves_an_absent_option_absent() -> None:
    assert read_moment("--as-of", "2026-05-01T14:00:00+02:00") == NOON
    assert read_moment("--as-of", None) is None


def test_read_moment__names_its_option() -> None:
    with pytest.raises(TimeError, match="--as-of is '2026-05-01', which is not a time with a zone"):
        read_moment("--as-of", "2026-05-01")


@pytest.mark.parametrize(
    ("text", "expires_at"),
    [("90d", NOON + 90 * US_PER_DAY), ("2026-05-02T12:00:00Z", NOON + US_PER_DAY), (None, None)],
)
def test_read_expiry__takes_a_duration_from_now_or_a_time(text: str | None, expires_at: int | None) -> None:
    assert read_expiry(text, now=NOON) == expires_at


def test_read_expiry__names_its_option() -> None:
    with pytest.raises(DurationError, match="--expires is 'soon'"):
        read_expiry("soon", now=NOON)
    with pytest.raises(TimeError, match="--expires is '2026-05-01'"):
        read_expiry("2026-05-01", now=NOON)


def test_read_configuration__prefers_the_file_that_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("leadodds.toml").write_text("seed = 1\n")
    Path("other.toml").write_text("seed = 2\n")

    named = read_configuration(Path("other.toml"), quick=False, quiet=False)
    said_of_named = capsys.readouterr().err
    found = read_configuration(None, quick=True, quiet=False)

    assert (named.seed, named.quick, said_of_named) == (2, False, "")
    assert (found.seed, found.quick) == (1, True)
    assert capsys.readouterr().err == "Configuration: leadodds.toml\n"


def test_home_folder__is_that_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEADODDS_HOME", "elsewhere")
    named = home_folder()
    monkeypatch.delenv("LEADODDS_HOME")

    assert (named, home_folder()) == (Path("elsewhere"), Path("models/store"))
