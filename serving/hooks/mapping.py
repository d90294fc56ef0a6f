"""Maps bodies that wait, through the same intake as the routes: a body and its rows in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, Final

import sqlalchemy as sa

from serving.bodies.json_faults import FaultyItem, rest_of
from serving.database.transactions import savepoint
from serving.database.writer import Receipt
from serving.errors import MOST_FAULTS, LeadErasedError, LeadUnknownError
from serving.hooks.map_format import HookMap
from serving.hooks.records import HookBodyError, read_document, read_parameters, records_of
from serving.hooks.rows import MappedRows, map_records
from serving.intake.aliases import add_aliases
from serving.intake.counts import counted
from serving.intake.hook_bodies import (
    HookBody,
    HookStatus,
    erase_from_bodies,
    finish_body,
    read_bodies,
    status_of,
    wake_early,
)
from serving.intake.ingest import add_interactions, add_outcomes
from serving.intake.items import ERASED_LEAD, Verdict
from serving.intake.leads import erase_lead
from serving.intake.many_leads import UNKNOWN, change_leads
from serving.store.store import Store

# Bodies of one transaction: the acknowledgement of the next hook waits for no longer than these take.
AT_ONCE: Final = 20
_LONGEST_REASON: Final = 500

MapOf = Callable[[str], HookMap]


def map_waiting(store: Store, map_of: MapOf) -> int:
    """Maps the oldest bodies that wait; returns how many were looked at."""
    bodies = store.read(lambda connection: read_bodies(connection, "waiting", limit=AT_ONCE))
    prepared = [(body, _rows_of(body, map_of(body.crm), body.received_at)) for body in bodies]
    _store(store, prepared, expected=("waiting",))
    return len(bodies)


def replay(store: Store, map_of: MapOf, *, now: int, crm: str | None = None) -> dict[str, int]:
    """Maps the bodies in quarantine once more; what is mapped now is known from now on.

    Returns:
        Numbers of bodies by what became of them.
    """
    counts = {"mapped": 0, "quarantined": 0}
    some = partial(read_bodies, limit=1_000_000, crm=crm)
    bodies = store.read(lambda connection: some(connection, "quarantined", "early"))
    for start in range(0, len(bodies), AT_ONCE):
        part = bodies[start : start + AT_ONCE]
        prepared = [(body, _rows_of(body, map_of(body.crm), now)) for body in part]
        for status in _store(store, prepared, expected=("quarantined", "early"), is_replay=True):
            counts["mapped" if status == "mapped" else "quarantined"] += 1
    return counts


def _rows_of(body: HookBody, hook_map: HookMap, received_at: int) -> MappedRows:
    try:
        document = read_document(body.body, body.content_type)
        records = records_of(rest_of(document), hook_map, read_parameters(body.query))
        rows = map_records(hook_map, records, body_id=body.key.hex(), received_at=received_at)
        if isinstance(document, FaultyItem):
            # The rest is stored; that a part could not be is told like any other fault.
            rows.faults += [f"{fault.path}: {fault.message}" for fault in document.faults[:MOST_FAULTS]]
        return rows
    except HookBodyError as error:
        return MappedRows(faults=[str(error)])
    except Exception as error:  # noqa: BLE001 - one body that brings out a defect holds up no other
        return MappedRows(faults=[f"A defect, {type(error).__name__}: please report it."])


def _store(
    store: Store,
    prepared: Sequence[tuple[HookBody, MappedRows]],
    *,
    expected: Sequence[str],
    is_replay: bool = False,
) -> list[HookStatus]:
    """Stores the rows of bodies; between two bodies the jobs of others take their turns."""
    if not prepared:
        return []
    own = partial(_store_rows, salt=store.salt, expected=expected, is_replay=is_replay)
    return store.write_parts([partial(own, body=body, rows=rows) for body, rows in prepared]).result()


def _store_rows(
    connection: sa.Connection,
    receipt: Receipt,
    *,
    salt: bytes,
    body: HookBody,
    rows: MappedRows,
    expected: Sequence[str],
    is_replay: bool,
) -> list[HookStatus]:
    # Another process may have been faster, or the lead erased meanwhile.
    if status_of(connection, body.key) not in expected:
        return []
    # Our systems knew it when it came.
    own = receipt if is_replay else receipt._replace(at=body.received_at)
    try:
        with savepoint(connection):
            faults = _Storing(connection, own, salt, rows).run()
    except sa.exc.OperationalError:
        raise
    except Exception as error:  # noqa: BLE001 - as above
        faults = [f"A defect, {type(error).__name__}: please report it."]
    return [_finish(connection, body, rows, faults)]


def _finish(connection: sa.Connection, body: HookBody, rows: MappedRows, faults: Sequence[str]) -> HookStatus:
    status: HookStatus = "mapped"
    if faults:
        status = "early" if {*faults} == {UNKNOWN.message} else "quarantined"
    reason = " ".join(dict.fromkeys(faults))[:_LONGEST_REASON]
    finish_body(connection, body, status=status, reason=reason, lead_ids=rows.lead_ids)
    if rows.erased:
        erase_from_bodies(connection, rows.erased)
    return status


class _Storing:
    """Stores the rows of one body, and collects what was refused."""

    def __init__(self, connection: sa.Connection, receipt: Receipt, salt: bytes, rows: MappedRows) -> None:
        self._connection, self._receipt, self._salt, self._rows = connection, receipt, salt, rows
        self._faults = [*rows.faults]

    def run(self) -> list[str]:
        """Stores leads, aliases, interactions and outcomes, in this order; returns why some were refused."""
        rows, connection, receipt = self._rows, self._connection, self._receipt
        for lead_id in rows.erased:
            self._erase(lead_id)
        leads = [item for item, _ in rows.leads]
        verdicts = change_leads(connection, receipt, salt=self._salt, items=rows.leads)
        self._judge(leads, verdicts)
        stored = [
            lead["lead_id"]
            for lead, verdict in zip(leads, verdicts, strict=True)
            if verdict.status == "stored"
        ]
        wake_early(
            connection,
            [lead["lead_id"] for lead in leads if "created_at" in lead and lead["lead_id"] in stored],
        )
        if rows.aliases:
            add = partial(add_aliases, salt=self._salt, items=rows.aliases)
            self._count("aliases", add, rows.aliases)
        for source, items in rows.interactions.items():
            add = partial(add_interactions, salt=self._salt, source=source, items=items)
            self._count("interactions", add, items)
        for source, items in rows.outcomes.items():
            add = partial(add_outcomes, salt=self._salt, source=source, items=items)
            self._count("outcomes", add, items)
        return self._faults

    def _count(self, item: str, add: Callable[..., list[Verdict]], items: Sequence[dict[str, Any]]) -> None:
        self._judge(items, counted(item, add, items)(self._connection, self._receipt))

    def _judge(self, items: Iterable[dict[str, Any]], verdicts: Iterable[Verdict]) -> None:
        for item, verdict in zip(items, verdicts, strict=True):
            if verdict.status != "refused":
                continue
            if ERASED_LEAD in verdict.faults:
                # Nothing of an erased lead stays, and that is no fault.
                self._rows.erased += [item[name] for name in ("lead_id", "alias_id") if name in item]
                continue
            self._faults += [
                fault.message if fault == UNKNOWN else f"{fault.path or '/'}: {fault.message}"
                for fault in verdict.faults
            ]

    def _erase(self, lead_id: str) -> None:
        try:
            erase_lead(self._connection, self._receipt, salt=self._salt, lead_id=lead_id)
        except (LeadErasedError, LeadUnknownError):
            # There is nothing of it but this body.
            return
