"""Scores into four CRMs, each played by a server that follows its vendor's documentation."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from serving.outgoing.client import TargetError
from serving.writeback.sync import SyncResult, sync_scores
from serving.writeback.target_map import Crm, read_target_map
from tests.support.builders import at
from tests.support.crm.scores import change_scores, store_of_scores
from tests.support.crm.server import CUT_AFTER, CUT_BEFORE, Answer, CrmServer, Failure
from tests.support.crm.vendors import KEY, RULE, DynamicsServer, HubSpotServer, OdooServer, SalesforceServer
from tests.support.servers import ROOT
from tests.support.stores import HandClock, open_store, secret_file

CRMS: tuple[Crm, ...] = ("hubspot", "salesforce", "dynamics", "odoo")
SERVERS: dict[str, Callable[..., Any]] = {
    "hubspot": HubSpotServer,
    "salesforce": SalesforceServer,
    "dynamics": DynamicsServer,
    "odoo": OdooServer,
}
# The field of the chance, and how the CRM stores 8 %.
CHANCE = {
    "hubspot": ("leadodds_chance", "8.0"),
    "salesforce": ("LeadOdds_Chance__c", "8.0"),
    "dynamics": ("new_leadodds_chance", 8.0),
    "odoo": ("x_leadodds_chance", "8.0"),
}
BAND = {
    "hubspot": "leadodds_band",
    "salesforce": "LeadOdds_Band__c",
    "dynamics": "new_leadodds_band",
    "odoo": "x_leadodds_band",
}


@dataclass
class World:
    """A CRM with records, and a database with the scores of them."""

    crm: Crm
    server: CrmServer
    database: str
    map_path: Path
    waits: list[float]

    def sync(self, **options: Any) -> SyncResult:
        return sync_scores(
            self.crm,
            **{
                "database": self.database,
                "secret_file": secret_file(),
                "clock": HandClock(at(11)),
                "map_path": self.map_path,
                "url": self.server.url,
                "sleep": self.waits.append,
                **options,
            },
        )

    def chances(self) -> dict[str, Any]:
        own, _ = CHANCE[self.crm]
        return {lead_id: fields.get(own) for lead_id, fields in self.server.records.items()}


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HUBSPOT_KEY", "SALESFORCE_CLIENT_SECRET", "DYNAMICS_CLIENT_SECRET", "ODOO_API_KEY"):
        monkeypatch.setenv(f"LEADODDS_{name}", KEY)
    for name in ("SALESFORCE_CLIENT_ID", "DYNAMICS_CLIENT_ID"):
        monkeypatch.setenv(f"LEADODDS_{name}", "id")
    monkeypatch.setenv("LEADODDS_DYNAMICS_TENANT", "tenant-1")


@contextmanager
def world(
    crm: Crm,
    folder: Path,
    *,
    count: int,
    failures: dict[int, Failure] | None = None,
    lifetime: int = 1_000_000,
    has_fields: bool = True,
) -> Iterator[World]:
    ids = [f"{number:05}" for number in range(count)]
    with SERVERS[crm](
        records={lead_id: {} for lead_id in ids}, failures=failures or {}, lifetime=lifetime
    ) as server:
        own = World(crm, server, store_of_scores(folder, ids), _map(crm, folder, server.url), [])
        if has_fields:
            fields = {*read_target_map(crm, None, url=server.url).fields}
            names = {"hubspot": "properties", "dynamics": "columns"}
            setattr(server, names.get(crm, "fields"), fields)
        yield own


@pytest.mark.parametrize("crm", CRMS)
def test_sync__makes_the_fields_and_writes_every_score(crm: Crm, tmp_path: Path) -> None:
    with world(crm, tmp_path, count=250, has_fields=False) as own:
        outcome = own.sync(create_fields=True)

        assert (outcome.written, outcome.refused, outcome.exit_code) == (250, [], 0)
        assert len(outcome.created) == 7
        # The lead at place 7: (7 % 90 + 1) percent.
        assert own.server.records["00007"][CHANCE[crm][0]] == CHANCE[crm][1]
        assert own.server.records["00007"][BAND[crm]] == "B"
        assert all(len(fields) == 7 for fields in own.server.records.values())
        assert own.sync(create_fields=True).created == []


@pytest.mark.parametrize("crm", CRMS)
def test_sync__writes_only_what_changed(crm: Crm, tmp_path: Path) -> None:
    with world(crm, tmp_path, count=120) as own:
        own.sync()
        # A night later: all are scored anew, one lead has another band, one is closed.
        change_scores(own.database, own.server.records, as_of=at(11), scored_at=at(11), model_version="8")
        change_scores(own.database, ["00003"], band="A")
        change_scores(own.database, ["00004"], band=None, probability=None, status="lost", reasons="[]")
        sent = len(own.server.calls)

        assert own.sync(dry_run=True).written == 2
        assert len(own.server.calls) == sent
        assert own.sync().written == 2
        assert own.server.records["00003"][BAND[crm]] == "A"
        assert own.server.records["00004"][BAND[crm]] in (None, "", False)
        assert own.sync().written == 0


@pytest.mark.parametrize("crm", CRMS)
def test_sync__lists_what_a_rule_of_the_crm_refuses_and_writes_the_others(crm: Crm, tmp_path: Path) -> None:
    with world(crm, tmp_path, count=150) as own:
        own.server.refused = {"00042", "00110"}
        del own.server.records["00077"]

        outcome = own.sync()

        assert outcome.written == 147
        assert outcome.exit_code == 3
        reasons = {refusal.lead_id: refusal.reason for refusal in outcome.refused}
        assert reasons.keys() == {"00042", "00077", "00110"}
        assert RULE in reasons["00042"]
        assert RULE not in reasons["00077"]
        # A refused record is tried again, and nothing else.
        own.server.refused = set()
        assert own.sync().written == 2


FAILURES: dict[str, dict[int, Failure]] = {
    "429": {1: (429, {"Retry-After": "7"}), 2: (429, {}), 4: (429, {})},
    "500": {1: (500, {}), 2: (503, {"Retry-After": "1"}), 4: (502, {})},
    "cut before": {0: CUT_BEFORE, 2: CUT_BEFORE, 4: CUT_BEFORE},
    "cut after": {0: CUT_AFTER, 2: CUT_AFTER, 4: CUT_AFTER},
}


@pytest.mark.parametrize("crm", CRMS)
@pytest.mark.parametrize("name", FAILURES)
def test_sync__ends_in_the_right_state_whatever_fails_on_the_way(crm: Crm, name: str, tmp_path: Path) -> None:
    with world(crm, tmp_path, count=700, failures=FAILURES[name]) as own:
        outcome = own.sync()

        assert (outcome.written, outcome.refused) == (700, [])
        assert None not in own.chances().values()
        if name == "429":
            assert 7.0 in own.waits


@pytest.mark.parametrize("crm", ["salesforce", "dynamics"])
def test_sync__signs_in_again_when_the_token_ends(crm: Crm, tmp_path: Path) -> None:
    with world(crm, tmp_path, count=450, lifetime=3) as own:
        outcome = own.sync()

        assert (outcome.written, outcome.refused) == (450, [])
        assert None not in own.chances().values()


@pytest.mark.parametrize("crm", CRMS)
def test_sync__stops_with_a_sentence_when_a_field_is_not_there(crm: Crm, tmp_path: Path) -> None:
    with world(crm, tmp_path, count=150) as own:
        for name in ("properties", "columns", "fields"):
            getattr(own.server, name, set()).discard(BAND[crm])

        with pytest.raises(TargetError, match=f"{BAND[crm]}"):
            own.sync()

        assert own.sync(dry_run=True).written == 150


@pytest.mark.parametrize("crm", CRMS)
def test_sync__stops_when_the_key_is_wrong(crm: Crm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HUBSPOT_KEY", "SALESFORCE_CLIENT_SECRET", "DYNAMICS_CLIENT_SECRET", "ODOO_API_KEY"):
        monkeypatch.setenv(f"LEADODDS_{name}", "wrong")

    with world(crm, tmp_path, count=10) as own, pytest.raises(TargetError) as raised:
        own.sync()

    assert "wrong" not in str(raised.value)


PAGE = Answer(200, b"<html>Please sign in</html>", "text/html")
ODD_ANSWERS = {
    "page": (PAGE, "no JSON|no table|no XML"),
    "error": (Answer(200, {"error": {"message": "No licence"}}), "No licence|no table"),
    "nothing": (Answer(200, []), "without|not say|no table|not written"),
    "accepted": (Answer(202, {"queued": True}), "without|not say|no table|not written"),
    "redirect": (Answer(302), "redirect"),
    "nested": (Answer(200, b"[" * 100_000), "no JSON|no table"),
}


@pytest.mark.parametrize("crm", CRMS)
def test_sync__takes_no_odd_answer_for_a_success(crm: Crm, tmp_path: Path) -> None:
    # The calls whose answers are read: signing in, jobs and their results, and writing.
    calls = {"salesforce": (0, 1, 4, 5, 6, 7), "dynamics": (0, 1)}.get(crm, (0,))
    with world(crm, tmp_path, count=3) as own:
        for name, (odd, told) in ODD_ANSWERS.items():
            for call in calls:
                # Dataverse says nothing of what it wrote but the status.
                if crm == "dynamics" and call == 1 and name in ("nothing", "accepted"):
                    continue
                own.server.calls.clear()
                own.server.failures = {call: odd}
                if crm == "odoo" and name == "accepted":
                    own.server.failures = dict.fromkeys(range(20), odd)
                try:
                    refused = [refusal.reason for refusal in own.sync().refused]
                except TargetError as error:
                    refused = [str(error)]
                assert refused, (name, call)
                assert all(re.search(told, reason) for reason in refused), (name, call, refused)
                own.server.failures = {}

        assert own.sync().written == 3
        assert None not in own.chances().values()


@pytest.mark.parametrize("crm", ["hubspot", "dynamics", "odoo"])
def test_sync__halves_what_is_too_large(crm: Crm, tmp_path: Path) -> None:
    first = 1 if crm == "dynamics" else 0
    with world(crm, tmp_path, count=9, failures={first: Answer(413), first + 2: Answer(413)}) as own:
        outcome = own.sync()

        assert (outcome.written, outcome.refused) == (9, [])
        assert None not in own.chances().values()


def test_sync__halves_a_batch_of_which_not_every_error_names_its_record(tmp_path: Path) -> None:
    named = {"message": "Could not get some", "context": {"ids": ["00001"]}}
    partly = Answer(207, {"status": "COMPLETE", "errors": [named, {"message": "Locked"}]})
    with world("hubspot", tmp_path, count=4, failures={0: partly}) as own:
        outcome = own.sync()

        assert (outcome.written, outcome.refused) == (4, [])
        assert None not in own.chances().values()


def test_sync__signs_in_over_encrypted_lines_alone(tmp_path: Path) -> None:
    with world("dynamics", tmp_path, count=1) as own:
        text = own.map_path.read_text().replace(f'sign_in_url = "{own.server.url}"', "")
        own.map_path.write_text('sign_in_url = "http://login.example.com"\n' + text)

        with pytest.raises(TargetError, match="sign-in must be like https"):
            own.sync()

        assert own.server.calls == []


def test_sync__does_not_wait_for_a_limit_of_a_day(tmp_path: Path) -> None:
    with (
        world("hubspot", tmp_path, count=10, failures={0: (429, {"Retry-After": "86400"})}) as own,
        pytest.raises(TargetError, match="used up for 86,400 seconds"),
    ):
        own.sync()


def test_sync__forgets_with_the_lead(tmp_path: Path) -> None:
    with world("hubspot", tmp_path, count=10) as own:
        own.sync()
        store = open_store(own.database, clock=HandClock(at(12)))
        store.erase_lead("00003").result()
        rows = store.read(
            lambda connection: connection.exec_driver_sql("SELECT lead_id FROM synced").scalars().all()
        )
        store.close()

    assert sorted(rows) == [f"{number:05}" for number in range(10) if number != 3]


def test_sync__writes_by_xml_rpc_to_an_older_odoo(tmp_path: Path) -> None:
    text = 'protocol = "xml-rpc"\ndatabase = "shop"\nuser = "api"\n'
    map_path = tmp_path / "odoo.toml"
    map_path.write_text(
        text + '[fields]\nx_leadodds_chance = "probability_percent"\nx_leadodds_as_of = "as_of"\n'
        'x_leadodds_band = "band"\n'
    )

    with world("odoo", tmp_path, count=20, has_fields=False) as own:
        # XML has no control characters.
        change_scores(own.database, ["00007"], band="B\x01")
        outcome = own.sync(map_path=map_path, create_fields=True)

        assert outcome.created == ["x_leadodds_chance", "x_leadodds_as_of", "x_leadodds_band"]
        assert own.server.records["00007"] == {
            "x_leadodds_chance": "8.0",
            # Naive, in UTC.
            "x_leadodds_as_of": "2026-01-11 00:00:00",
            "x_leadodds_band": "B ",
        }


def test_sync__addresses_dynamics_by_an_alternate_key(tmp_path: Path) -> None:
    with world("dynamics", tmp_path, count=1) as own:
        map_path = tmp_path / "dynamics.toml"
        map_path.write_text(
            f'crm = "dynamics"\nid_field = "new_crm_lead_id"\nsign_in_url = "{own.server.url}"\n'
            '[fields]\nnew_leadodds_band = "band"\n'
        )
        change_scores(own.database, ["00000"], lead_id="O'Hara 7")
        own.server.records = {}

        own.sync(map_path=map_path)

        assert own.server.records == {"O'Hara 7": {"new_leadodds_band": "B"}}


_SCRIPT = """
import sys
from pathlib import Path
from serving.clock import SteadyClock
from serving.writeback.sync import sync_scores
from tests.support.stores import secret_file
crm, database, url, map_path = sys.argv[1:]
sync_scores(
    crm, database=database, secret_file=secret_file(), clock=SteadyClock(), url=url, map_path=Path(map_path)
)
"""


@pytest.mark.all
@pytest.mark.parametrize("count", [1_500, pytest.param(10_000, marks=pytest.mark.long)])
@pytest.mark.parametrize("crm", CRMS)
def test_sync__goes_on_after_a_kill_and_ends_with_all_right(crm: Crm, count: int, tmp_path: Path) -> None:
    failures: dict[int, Failure] = {2: CUT_AFTER, 5: (500, {}), 8: (429, {"Retry-After": "0"})}
    with world(crm, tmp_path, count=count, failures=failures) as own:
        own.server.refused = {"01234"}
        arguments = [sys.executable, "-c", _SCRIPT, crm, own.database, own.server.url, str(own.map_path)]
        killed = subprocess.Popen(
            arguments, cwd=ROOT, env={**os.environ, "OMP_NUM_THREADS": "1"}, stderr=subprocess.DEVNULL
        )
        # A job of Salesforce takes all of them, in a few calls; an Odoo 500 a call.
        enough = {"salesforce": 5, "odoo": 3}.get(crm, 12)
        while killed.poll() is None and len(own.server.calls) < enough:
            time.sleep(0.005)
        os.kill(killed.pid, signal.SIGKILL)
        killed.wait()

        outcome = own.sync()

        assert [refusal.lead_id for refusal in outcome.refused] == ["01234"]
        own_field, _ = CHANCE[crm]
        stored = {lead_id: fields.get(own_field) for lead_id, fields in own.server.records.items()}
        assert {lead_id for lead_id, value in stored.items() if value is None} == {"01234"}
        assert all(
            float(value) == int(lead_id) % 90 + 1 for lead_id, value in stored.items() if value is not None
        )
        # What was noted is not sent again: only the batch that the kill interrupted.
        if crm == "hubspot":
            assert outcome.written < count


def _map(crm: Crm, folder: Path, url: str) -> Path:
    """The shipped map, without its limit of calls and with the sign-in of the test."""
    keys = read_target_map(crm, None, url=url).model_dump(exclude_none=True)
    fields = keys.pop("fields")
    sign_in = {"sign_in_url": url} if crm == "dynamics" else {}
    lines = [
        f"{name} = {json.dumps(value)}"
        for name, value in {**keys, **sign_in, "requests_per_second": 10_000}.items()
    ]
    path = folder / "map.toml"
    path.write_text(
        "\n".join([*lines, "[fields]", *(f'{own} = "{value}"' for own, value in fields.items())]), "utf-8"
    )
    return path
