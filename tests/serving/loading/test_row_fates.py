from __future__ import annotations

from pathlib import Path

from serving.loading.load import LoadResult
from serving.loading.row_fates import REFUSALS

OPERATIONS = Path("docs/operations.md")


def test_load_result__says_of_every_reason_what_helps() -> None:
    counts = {"leads": {"stored": 2, "ahead": 1_500}, "outcomes": {"stored": 1, "refused_lead": 3}}

    assert str(LoadResult("export", "sqlite:///s.db", counts, resumed=False)).splitlines() == [
        "export into sqlite:///s.db",
        "  leads: 2 stored, 0 duplicate",
        "    refused: 1,500 ahead: it lies more than five minutes after now: mend its time, or load it when "
        "it has come",
        "  outcomes: 1 stored, 0 duplicate",
        "    refused: 3 refused_lead: its lead is refused: mend that first",
    ]


def test_refusals__stand_in_the_docs_as_the_command_tells_them() -> None:
    rows = [f"| `{reason}` | {meaning} |" for reason, meaning in REFUSALS.items()]

    assert [row for row in rows if row not in OPERATIONS.read_text(encoding="utf-8")] == []
