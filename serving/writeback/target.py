"""What a CRM has to offer: it takes records in batches, and says which it refuses and why."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from serving.outgoing.client import TargetClient, TooLargeError
from serving.writeback.values import Cell, ScoreValue


@dataclass(frozen=True, slots=True)
class Record:
    """What is written to one record of the CRM.

    Attributes:
        lead_id: names the record.
        cells: of its fields by their names in the CRM; None empties a field.
    """

    lead_id: str
    cells: Mapping[str, Cell]


@dataclass(frozen=True, slots=True)
class Refusal:
    """A record that the CRM did not take.

    Attributes:
        lead_id: names the record.
        reason: as the CRM says it.
    """

    lead_id: str
    reason: str


class BatchRefusedError(Exception):
    """A batch of which the CRM took nothing, because of some record in it."""


class Target(Protocol):
    """A CRM that scores are written to.

    Attributes:
        batch_size: the most records of one `write`.
        client: calls it.
    """

    batch_size: int
    client: TargetClient

    def write(self, records: Sequence[Record]) -> list[Refusal]:
        """Writes records; those that are not in what it returns are written.

        Raises:
            TargetError: the CRM does not respond, or refuses all of it for one reason.
        """

    def create_fields(self, fields: Mapping[str, ScoreValue]) -> list[str]:
        """Makes the fields that are missing; returns their names.

        Raises:
            TargetError: the CRM does not let us.
        """


def divide(records: Sequence[Record], write: Callable[[Sequence[Record]], list[Refusal]]) -> list[Refusal]:
    """Writes a batch that is taken whole or not at all; halves it until the record at fault stands alone.

    Args:
        records: of the batch.
        write: writes some of them. It raises `BatchRefusedError` where none was written, or where the answer
            does not tell which were not; to write a record again is harmless.
    """
    try:
        return write(records)
    except (BatchRefusedError, TooLargeError) as refused:
        if len(records) == 1:
            return [Refusal(records[0].lead_id, str(refused))]
    middle = len(records) // 2
    return [*divide(records[:middle], write), *divide(records[middle:], write)]
