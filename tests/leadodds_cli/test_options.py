"""Texts of options become an expiry and the configuration; what cannot be read names its option."""

from __future__ import annotations

from pathlib import Path

import pytest

from features.times import US_PER_DAY, DurationError, TimeError, parse_time
from leadodds_cli.options import find_config, read_expiry

NOON = parse_time("2026-05-01T12:00:00Z")


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


def test_find_config__prefers_the_file_that_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    absent = find_config(None, quiet=False)
    Path("leadodds.toml").write_text("seed = 1\n")

    named = find_config(Path("other.toml"), quiet=False)
    quiet = find_config(None, quiet=True)
    said = capsys.readouterr().err
    found = find_config(None, quiet=False)

    assert (absent, named, said) == (None, Path("other.toml"), "")
    assert quiet == found == Path("leadodds.toml")
    assert capsys.readouterr().err == "Configuration: leadodds.toml\n"
