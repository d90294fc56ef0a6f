"""A backup of a running service, put back on a fresh folder, without those who were erased since."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import leadodds
from models.home.home import Home
from serving.backups.backup import BackupError, back_up
from serving.backups.restore import restore
from serving.clock import SteadyClock
from serving.database.secret import OtherSecretError, make_secret
from serving.settings import ServerSettings
from tests.support.builders import at
from tests.support.http_client import Client, client_of
from tests.support.processes import Caller, running_server
from tests.support.small_models import home_with, small_bundle
from tests.support.stores import HandClock

CREATED = "2026-01-01T00:00:00Z"


@pytest.fixture(autouse=True)
def _own_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each home has its own."""
    monkeypatch.delenv("LEADODDS_SECRET_FILE")


def put(client: Client, *ids: str) -> None:
    for lead_id in ids:
        client.put(f"/v1/leads/{lead_id}", json={"created_at": CREATED, "attributes": {"country": "DE"}})
        touch = {"interaction_id": lead_id, "lead_id": lead_id, "kind": "k", "occurred_at": CREATED}
        client.post("/v1/interactions", json={"source": "crm", "interactions": [touch]})


def statuses(client: Client, *ids: str) -> list[int]:
    return [client.get(f"/v1/leads/{lead_id}/score").status_code for lead_id in ids]


def test_backup__of_a_running_server_works_on_a_fresh_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    home = home_with(tmp_path / "home", small_bundle(), small_bundle(version="2", average=-1.0))
    fresh, copy, secret = tmp_path / "fresh", tmp_path / "copy", tmp_path / "elsewhere"
    # A home has a file of past champions only once another version has answered.
    home.swap_champion("2")
    home.swap_champion("1")
    with client_of(home) as client:
        put(client, "gone", "early")
        client.delete("/v1/leads/gone")

    def run(folder: Path, *arguments: object) -> Any:
        monkeypatch.setenv("LEADODDS_HOME", str(folder))
        leadodds.app([*map(str, arguments), "--json"], standalone_mode=False)
        return json.loads(capsys.readouterr().out)

    with running_server(home.path) as (_, port):
        caller = Caller(port)
        assert caller.call("PUT", "/v1/leads/late", {"created_at": CREATED})[0] == 200
        made = run(home.path, "backup", copy, "--secret", secret)
        caller.close()
    put_back = run(fresh, "restore", copy, "--secret", secret)

    assert (made["database"], made["versions"], made["champion"]) == (True, ["1", "2"], "1")
    assert (put_back["champion"], put_back["erased_again"], put_back["erasures_from"]) == ("1", 0, None)
    assert {path.name for path in copy.iterdir()} == {
        "service.db",
        "bundles",
        "champion",
        "past_champions.jsonl",
    }
    assert [path.stat().st_mode & 0o777 for path in (copy, copy / "service.db", secret)] == [
        0o700,
        0o600,
        0o600,
    ]
    with client_of(Home(fresh)) as client:
        assert statuses(client, "early", "late") == [200, 200]
        # Whoever was erased before the backup does not come back.
        assert client.put("/v1/leads/gone", json={"created_at": CREATED}).status_code == 410


def test_restore__erases_again_who_was_erased_after_the_backup(tmp_path: Path) -> None:
    home = home_with(tmp_path / "home", small_bundle())
    settings, copy = ServerSettings(home=home.path), tmp_path / "copy"
    with client_of(home, clock=HandClock(at(10))) as client:
        put(client, "gone", "stays", "merged")
        client.post("/v1/aliases", json={"aliases": [{"alias_id": "visitor", "lead_id": "gone"}]})
    back_up(settings, copy)
    with client_of(home, clock=HandClock(at(11))) as client:
        client.delete("/v1/leads/gone")
        put(client, "newer")

    restored = restore(settings, copy, clock=SteadyClock())

    assert restored.erased_again == 2  # the lead, and its alias
    assert restored.replaced == home.path / "service.db.replaced"
    assert "2 leads that were erased since are erased again" in str(restored)
    with client_of(home) as client:
        assert statuses(client, "gone", "stays", "newer") == [410, 200, 404]
        assert statuses(client, "visitor") == [410]
        again = client.put("/v1/leads/gone", json={"created_at": CREATED})
        touch = {"interaction_id": "gone", "lead_id": "other", "kind": "k", "occurred_at": CREATED}
        sent = client.post("/v1/interactions", json={"source": "crm", "interactions": [touch]}).json()
    assert again.status_code == 410
    # Neither do its interactions come back under another id.
    assert sent["interactions"][0]["status"] == "refused"
    assert b"visitor" not in (home.path / "service.db").read_bytes()


def test_restore__erases_again_from_the_scores_of_past_nights(tmp_path: Path) -> None:
    home = home_with(tmp_path / "home", small_bundle())
    settings, copy = ServerSettings(home=home.path), tmp_path / "copy"
    night = home.score_history / "20260113T000000Z-0-00000.parquet"
    home.score_history.mkdir()
    pq.write_table(pa.table({"lead_id": ["stays", "gone"]}), night)
    with client_of(home) as client:
        put(client, "gone", "stays")
    back_up(settings, copy)
    with client_of(home) as client:
        client.delete("/v1/leads/gone")
    night.unlink()

    restore(settings, copy, clock=SteadyClock())

    assert pq.read_table(night)["lead_id"].to_pylist() == ["stays"]
    assert b"gone" not in night.read_bytes()


def test_restore__takes_the_erasures_of_a_later_backup(tmp_path: Path) -> None:
    home = home_with(tmp_path / "home", small_bundle())
    settings, first, second = ServerSettings(home=home.path), tmp_path / "first", tmp_path / "second"
    with client_of(home) as client:
        put(client, "gone", "stays")
    back_up(settings, first, secret=tmp_path / "secret")
    with client_of(home) as client:
        client.delete("/v1/leads/gone")
    back_up(settings, second)
    fresh = ServerSettings(home=tmp_path / "fresh")

    restored = restore(fresh, first, clock=SteadyClock(), secret=tmp_path / "secret", erased=second)

    assert restored.erased_again == 1
    with client_of(Home(fresh.home)) as client:
        assert statuses(client, "gone", "stays") == [410, 200]


def test_restore__refuses_another_secret_a_running_server_and_what_is_no_backup(tmp_path: Path) -> None:
    home = home_with(tmp_path / "home", small_bundle())
    settings, copy = ServerSettings(home=home.path), tmp_path / "copy"
    with client_of(home) as client:
        put(client, "a")
    back_up(settings, copy)
    other = ServerSettings(home=tmp_path / "other")
    make_secret(other.secret_path)

    with pytest.raises(OtherSecretError, match="does not belong"):
        restore(other, copy, clock=SteadyClock())
    assert not (other.home / "service.db").exists()
    with pytest.raises(BackupError, match="is none"):
        restore(settings, tmp_path / "nothing", clock=SteadyClock())
    with running_server(home.path), pytest.raises(BackupError, match="while a server runs"):
        restore(settings, copy, clock=SteadyClock())
    for target, secret in ((copy, None), (tmp_path / "new", tmp_path / "new" / "secret")):
        with pytest.raises(BackupError, match=r"something already|no place for the secret"):
            back_up(settings, target, secret=secret)
