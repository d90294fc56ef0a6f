"""Keys that are followed: what a row may hold, what an outage does, and when no key is believed any more."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from serving.access_errors import KeyRefusedError, KeysOutdatedError
from serving.database.schema import API_KEYS
from serving.http.auth import Access
from serving.http.rate_limits import Limits, RateLimits
from serving.keys.commands import create, revoke
from serving.keys.live_keys import LiveKeys
from serving.store.store import Store
from tests.support.builders import at
from tests.support.stores import HandClock, open_store

NOW = at(10)


class HandSeconds:
    """A stopwatch that is set by hand."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def sent(tmp_path: Path) -> bytes:
    key: str = create("crm", "score", home=tmp_path, now=NOW)["key"]
    return key.encode()


@pytest.fixture
def store(tmp_path: Path, sent: bytes) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{tmp_path / 'service.db'}", clock=HandClock(NOW))
    yield opened
    opened.close()


def _change(store: Store, statement: sa.Executable) -> None:
    store.write(lambda connection, _: connection.execute(statement)).result()


def test_refresh__sees_a_revocation_beside_a_row_with_a_scope_of_a_later_release(
    store: Store, sent: bytes, tmp_path: Path
) -> None:
    keys = LiveKeys(store, valid_seconds=60)
    create("other", "score", home=tmp_path, now=NOW)
    _change(store, sa.update(API_KEYS).where(API_KEYS.c.name == "other").values(scopes="score,hook:siebel"))

    keys.refresh()
    assert keys.ring.find(sent, now=NOW).name == "crm"
    assert [sorted(key.scopes) for key in keys.ring] == [["score"], ["score"]]

    revoke("crm", home=tmp_path)
    keys.refresh()
    with pytest.raises(KeyRefusedError, match="revoked"):
        keys.ring.find(sent, now=NOW)


def test_refresh__after_any_error_is_tried_again_logged_once_and_counted(
    store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, logger="leadodds.serving")
    keys = LiveKeys(store, valid_seconds=60)
    _change(store, sa.text("ALTER TABLE api_keys RENAME TO hidden"))

    keys.refresh()
    keys.refresh()
    _change(store, sa.text("ALTER TABLE hidden RENAME TO api_keys"))
    revoke("crm", home=tmp_path)
    keys.refresh()

    assert keys.failures == 2
    assert [record.message[:22] for record in caplog.records] == [
        "the keys cannot be rea",
        "the keys are read agai",
    ]
    assert [key.state(NOW) for key in keys.ring] == ["revoked"]


def test_admit__accepts_no_key_once_they_could_not_be_read_for_long(store: Store, sent: bytes) -> None:
    seconds = HandSeconds()
    keys = LiveKeys(store, valid_seconds=60, seconds=seconds)
    access = Access(
        keys, RateLimits(), RateLimits(), HandClock(NOW), b"s" * 32, Limits(100.0, 1e3, 1e6, 60.0)
    )
    request = {"method": "POST", "path": "/v1/score", "headers": [(b"x-api-key", sent)], "state": {}}
    _change(store, sa.text("ALTER TABLE api_keys RENAME TO hidden"))

    seconds.now = 60.0  # left-open: at the limit they are still believed
    keys.refresh()
    access.admit(request, "score")
    seconds.now = 60.1
    with pytest.raises(KeysOutdatedError, match="none is accepted"):
        access.admit(request, "score")
    # Nor does it open a session, or take a hook.
    with pytest.raises(KeysOutdatedError, match="none is accepted"):
        access.find_key(request, sent)

    _change(store, sa.text("ALTER TABLE hidden RENAME TO api_keys"))
    keys.refresh()
    access.admit(request, "score")
    assert not keys.are_outdated
