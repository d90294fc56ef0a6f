"""Writes changed scores into a CRM: `leadodds sync`.

After each batch it is noted what was written, so that a run that was killed goes on behind its last batch.
What the CRM refuses is not noted, and is tried again by the next run.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Final

from features.progress import Progress, silent
from features.sources.connections import redacted_url
from serving.clock import Clock
from serving.outgoing.client import Sleep, TargetError
from serving.store.store import Store
from serving.writeback.changes import changed_records, count_scores, note_written
from serving.writeback.dynamics import Dynamics
from serving.writeback.hubspot import HubSpot
from serving.writeback.odoo import Odoo
from serving.writeback.salesforce import Salesforce
from serving.writeback.target import Refusal, Target
from serving.writeback.target_map import Crm, TargetMap, read_target_map

TARGETS: Final[Mapping[Crm, Callable[..., Target]]] = {
    "hubspot": HubSpot,
    "salesforce": Salesforce,
    "dynamics": Dynamics,
    "odoo": Odoo,
}
_SHOWN: Final = 20
_EXAMPLES: Final = 3
# So many records refused for one reason, and none taken: the reason is not in the records.
_ALL_REFUSED: Final = 20


@dataclass(slots=True)
class SyncResult:
    """What a run did.

    Attributes:
        crm: that was written to.
        database: URL without a password.
        is_dry: whether nothing was sent.
        written: number of records.
        refused: records that the CRM did not take.
        created: fields that were made.
        examples: the first records of a dry run.
    """

    crm: Crm
    database: str
    is_dry: bool = False
    written: int = 0
    refused: list[Refusal] = field(default_factory=list)
    created: list[str] = field(default_factory=list)
    examples: list[dict[str, Any]] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        """3 when records were refused, else 0."""
        return 3 if self.refused else 0

    def __str__(self) -> str:
        """Writes the result for people."""
        done = "would be written" if self.is_dry else "written"
        lines = [f"{self.crm}: {self.written:,} {done}, {len(self.refused):,} refused"]
        if self.created:
            lines.append(f"  fields made: {', '.join(self.created)}")
        lines += [f"  {refusal.lead_id}: {refusal.reason}" for refusal in self.refused[:_SHOWN]]
        if len(self.refused) > _SHOWN:
            lines.append(f"  and {len(self.refused) - _SHOWN:,} more; --json lists all")
        lines += [f"  {example}" for example in self.examples]
        return "\n".join(lines)

    def summary(self) -> dict[str, object]:
        """Writes the result for machines."""
        return {
            "crm": self.crm,
            "database": self.database,
            "dry_run": self.is_dry,
            "written": self.written,
            "refused": [{"lead_id": own.lead_id, "reason": own.reason} for own in self.refused],
            "fields_created": self.created,
            **({"examples": self.examples} if self.is_dry else {}),
        }


def sync_scores(
    crm: Crm,
    *,
    database: str,
    secret_file: Path,
    clock: Clock,
    map_path: Path | None = None,
    url: str | None = None,
    since: int | None = None,
    dry_run: bool = False,
    create_fields: bool = False,
    sleep: Sleep = time.sleep,
    progress: Progress = silent,
) -> SyncResult:
    """Writes the scores that changed since they were written last.

    Args:
        crm: to write to.
        database: URL of the service's database.
        secret_file: of the service.
        clock: gives the time of each note.
        map_path: a TOML file that says what is written where; None is the shipped one.
        url: of the CRM, in place of the map's.
        since: microseconds UTC; looks only at scores made then or later.
        dry_run: sends nothing, and needs no credentials.
        create_fields: makes the fields of the map that are missing, first.
        sleep: waits so many seconds.
        progress: told how much is done.

    Raises:
        TargetMapError: the map cannot be used.
        MissingCredentialError: a secret is nowhere.
        TargetError: the CRM does not respond, or refuses everything; what was written before is noted.
        DatabaseError: the database is not there, or is not the service's.
    """
    target_map = read_target_map(crm, map_path, url=url)
    outcome = SyncResult(crm, redacted_url(database), is_dry=dry_run)
    store = Store(database, clock=clock, secret_file=secret_file, must_exist=True)
    try:
        if dry_run:
            changes = changed_records(store, target_map, since=since)
            outcome.examples = [
                {"lead_id": change.record.lead_id, **change.record.cells}
                for change in islice(changes, _EXAMPLES)
            ]
            outcome.written = len(outcome.examples) + sum(1 for _ in changes)
            return outcome
        target = TARGETS[crm](target_map, sleep=sleep)
        try:
            if create_fields:
                outcome.created = target.create_fields(target_map.values)
            for refused, written in _batches(target, store, target_map, since=since, progress=progress):
                outcome.refused += refused
                outcome.written += written
                _check_some_taken(outcome)
        finally:
            target.client.close()
    finally:
        store.close()
    return outcome


def _batches(
    target: Target, store: Store, target_map: TargetMap, *, since: int | None, progress: Progress
) -> Iterator[tuple[list[Refusal], int]]:
    """Writes batch by batch; gives for each what was refused, and how many were written and noted."""
    stage, total = f"writing to {target_map.crm}", store.read(partial(count_scores, since=since))
    changes = changed_records(store, target_map, since=since)
    while batch := list(islice(changes, target.batch_size)):
        refused = target.write([change.record for change in batch])
        at_fault = {refusal.lead_id for refusal in refused}
        written = [change for change in batch if change.record.lead_id not in at_fault]
        store.write(partial(note_written, target=target_map.target, changes=written)).result()
        # Scores that are made meanwhile were not counted.
        progress(stage, min(1.0, batch[-1].place / max(total, 1)))
        yield refused, len(written)
    progress(stage, 1.0)


def _check_some_taken(outcome: SyncResult) -> None:
    """Stops where the CRM takes nothing at all: the fault lies in the map or in the CRM's rules."""
    reasons = {refusal.reason for refusal in outcome.refused}
    if outcome.written == 0 and len(outcome.refused) >= _ALL_REFUSED and len(reasons) == 1:
        fault = f"it refuses every record of the first {len(outcome.refused)}: {reasons.pop()}"
        raise TargetError(outcome.crm, fault=fault)
