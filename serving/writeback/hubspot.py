"""HubSpot: a batch update of custom properties, 100 records a call.

A batch update never creates a record. An answer 207 tells which records were not taken; where the whole batch
is refused, because a rule of the portal forbids one value, it is halved until that record stands alone.

Source: developers.hubspot.com/docs/api-reference, "Update a batch of objects" and "Create a property",
version 2026-03; "API usage guidelines" for the limits; read 2026-11.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import httpx

from serving.outgoing.client import Sleep, TargetClient, TargetError, explain
from serving.outgoing.credentials import credential
from serving.writeback.target import BatchRefusedError, Record, Refusal, divide
from serving.writeback.target_map import TargetMap
from serving.writeback.values import Cell, FieldType, ScoreValue

_GROUP: Final = "leadodds"
_TYPES: Final[Mapping[FieldType, tuple[str, str]]] = {
    "number": ("number", "number"),
    "text": ("string", "text"),
    "time": ("datetime", "date"),
    "boolean": ("enumeration", "booleancheckbox"),
    "link": ("string", "text"),
}
_BOOLEAN_OPTIONS: Final = [
    {"label": "Yes", "value": "true", "displayOrder": 0},
    {"label": "No", "value": "false", "displayOrder": 1},
]
_PARTLY: Final = 207
_DONE: Final = "COMPLETE"
_REFUSED: Final = (400, 409, 422)
_CONFLICT: Final = 409
_NO_PROPERTY: Final = "PROPERTY_DOESNT_EXIST"


class HubSpot:
    """Records of one object of a HubSpot account."""

    batch_size = 100

    def __init__(self, target_map: TargetMap, *, sleep: Sleep) -> None:
        """Reads the key; nothing is sent yet."""
        key = credential("LEADODDS_HUBSPOT_KEY")
        self._map = target_map
        self.client = TargetClient(
            target_map.url,
            sign=lambda _: {"Authorization": f"Bearer {key}"},
            requests_per_second=target_map.requests_per_second,
            sleep=sleep,
        )

    def write(self, records: Sequence[Record]) -> list[Refusal]:
        """Updates up to 100 records."""
        return divide(records, self._update)

    def create_fields(self, fields: Mapping[str, ScoreValue]) -> list[str]:
        """Makes the properties that are missing, in a group of their own."""
        path = f"/crm/properties/{self._map.version}/{self._map.object}"
        self._create(f"{path}/groups", {"name": _GROUP, "label": "LeadOdds"})
        return [own for own, value in fields.items() if self._create(path, _property(own, value))]

    def _update(self, records: Sequence[Record]) -> list[Refusal]:
        unique = {} if self._map.id_field is None else {"idProperty": self._map.id_field}
        inputs = [
            {"id": record.lead_id, **unique, "properties": _properties(record.cells)} for record in records
        ]
        path = f"/crm/objects/{self._map.version}/{self._map.object}/batch/update"
        response = self.client.send("POST", path, json={"inputs": inputs})
        if response.status_code in _REFUSED:
            self._check_properties(response)
            raise BatchRefusedError(explain(response))
        answer = self.client.accept_object(response, "status")
        if answer["status"] != _DONE:
            raise TargetError(self.client.place, fault=f"it says of a batch that it is {answer['status']}")
        errors = answer.get("errors") or []
        if not errors and (response.status_code == _PARTLY or answer.get("numErrors")):
            raise BatchRefusedError("it was not taken, and HubSpot does not say why")
        return _refusals(errors, records)

    def _check_properties(self, response: httpx.Response) -> None:
        """A property that nobody made is no fault of a record."""
        if _NO_PROPERTY in response.text:
            fault = f"a property does not exist ({explain(response)}); --create-fields makes those of the map"
            raise TargetError(self.client.place, fault=fault)

    def _create(self, path: str, body: Mapping[str, Any]) -> bool:
        """Whether it was missing."""
        response = self.client.send("POST", path, json=body)
        if response.status_code == _CONFLICT:
            return False
        self.client.accept(response)
        return True


def _properties(cells: Mapping[str, Cell]) -> dict[str, str]:
    """Values as HubSpot takes them: texts, an empty one to empty the property."""
    return {own: _text(cell) for own, cell in cells.items()}


def _text(cell: Cell) -> str:
    if cell is None:
        return ""
    return str(cell).lower() if isinstance(cell, bool) else str(cell)


def _property(own: str, value: ScoreValue) -> dict[str, Any]:
    kind, field = _TYPES[value.type]
    options = _BOOLEAN_OPTIONS if value.type == "boolean" else []
    return {
        "name": own,
        "label": value.label,
        "groupName": _GROUP,
        "type": kind,
        "fieldType": field,
        **({"options": options} if options else {}),
    }


def _refusals(errors: Sequence[Mapping[str, Any]], records: Sequence[Record]) -> list[Refusal]:
    """The records that the errors of an answer name.

    Raises:
        BatchRefusedError: an error names none, so that only smaller batches tell.
    """
    sent = {record.lead_id for record in records}
    found: dict[str, str] = {}
    for error in errors:
        reason = str(error.get("message") or "refused")
        named = (error.get("context") or {}).get("ids") or [error.get("id")]
        at_fault = sent.intersection(map(str, named))
        if not at_fault:
            raise BatchRefusedError(reason)
        found |= dict.fromkeys(sorted(at_fault), reason)
    return [Refusal(own, reason) for own, reason in found.items()]
