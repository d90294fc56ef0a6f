"""Facts are one JSON object, text, or nothing; stages are timed from their beginning to the next one's."""

from __future__ import annotations

import json

import pytest

from leadodds_cli.output import print_facts, progress_bars, stage_seconds

FACTS = {"leads": 3, "out": "größe.csv"}


@pytest.mark.parametrize(
    ("as_json", "quiet", "text", "printed"),
    [
        (True, False, "ignored", '{"leads": 3, "out": "größe.csv"}\n'),
        (True, True, None, '{"leads": 3, "out": "größe.csv"}\n'),
        (False, True, "three leads", ""),
        (False, False, "three leads", "three leads\n"),
        (False, False, None, "leads: 3\nout: größe.csv\n"),
    ],
)
def test_print_facts__chooses_the_form(
    as_json: bool, quiet: bool, text: str | None, printed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    print_facts(FACTS, as_json=as_json, quiet=quiet, text=text)

    assert capsys.readouterr().out == printed


def test_print_facts__never_writes_a_number_that_json_lacks() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        print_facts({"auc": float("nan")}, as_json=True, quiet=False)


def test_progress_bars__keep_standard_output_free(capsys: pytest.CaptureFixture[str]) -> None:
    for shown in (True, False):
        with progress_bars(shown=shown) as progress:
            progress("leads", 0.5)
            progress("leads", 1.0)

    assert capsys.readouterr().out == ""


def test_stage_seconds__has_every_stage_in_its_order_and_passes_progress_on() -> None:
    seen: list[tuple[str, float]] = []

    with stage_seconds(lambda stage, done: seen.append((stage, done))) as (progress, seconds):
        progress("leads", 0.0)
        progress("leads", 1.0)
        progress("score", 1.0)

    assert seen == [("leads", 0.0), ("leads", 1.0), ("score", 1.0)]
    assert list(seconds) == ["leads", "score"]
    assert json.dumps(seconds)
    assert min(seconds.values()) >= 0
