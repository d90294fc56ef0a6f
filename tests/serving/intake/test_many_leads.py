"""Many leads at once: they hold the one writer, so no statement of theirs is compiled again for each lead."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from features.sources.connections import sqlite_url
from features.times import format_time
from tests.support.builders import at
from tests.support.stores import HandClock, open_store


@pytest.mark.parametrize("attributes", [{"a": "x", "b": 1.5}, {"a": "y", "b": None}])
def test_add_leads__takes_no_statement_for_each_lead_through_sqlalchemy(
    tmp_path: Path, attributes: dict[str, Any]
) -> None:
    executed: list[str] = []
    store = open_store(sqlite_url(tmp_path / "service.db"), clock=HandClock(at(10)))
    items = [
        {"lead_id": f"L{i}", "created_at": format_time(at(1)), "account_id": f"A{i % 2}", "attributes": {}}
        for i in range(30)
    ]
    store.add_leads(items).result()

    def note(*event: Any) -> None:
        executed.append(event[2])

    sa.event.listen(sa.Engine, "before_cursor_execute", note)
    try:
        verdicts = store.add_leads([{**item, "attributes": attributes} for item in items]).result()
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", note)

    assert {verdict.status for verdict in verdicts} == {"stored"}
    assert executed == []
    store.close()
