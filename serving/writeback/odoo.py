"""Odoo: `load` writes many records in one call and says which rows it refuses; JSON-2, or XML-RPC before 19.

`write` would set the same values for all ids. `load` is one savepoint: where a row is at fault nothing of the
call is written, so the rows that it names are left out and the others sent again.

Source: odoo.com/documentation/19.0, "External JSON-2 API"; /18.0, "External API"; `BaseModel.load` in
odoo/models.py; read 2026-11.
"""

from __future__ import annotations

import xmlrpc.client
from collections.abc import Mapping, Sequence
from typing import Any, Final
from xml.parsers.expat import ExpatError

from serving.outgoing.client import Sleep, TargetClient, TargetError, explain
from serving.outgoing.credentials import credential
from serving.writeback.target import BatchRefusedError, Record, Refusal, divide
from serving.writeback.target_map import TargetMap
from serving.writeback.values import Cell, FieldType, ScoreValue

# The id of the record itself, as `load` names it.
_OWN_ID: Final = ".id"
_TYPES: Final[Mapping[FieldType, str]] = {
    "number": "float",
    "text": "char",
    "time": "datetime",
    "boolean": "boolean",
    "link": "char",
}
_NO_FIELD: Final = "No such field"


class Odoo:
    """Records of one model of an Odoo database."""

    batch_size = 500

    def __init__(self, target_map: TargetMap, *, sleep: Sleep) -> None:
        """Reads the key; nothing is sent yet.

        Raises:
            TargetError: a map for XML-RPC names no database or user.
        """
        self._key = credential("LEADODDS_ODOO_API_KEY")
        self._map = target_map
        self._is_json = target_map.protocol == "json-2"
        if not self._is_json and not (target_map.database and target_map.user):
            raise TargetError("Odoo", fault="XML-RPC needs `database` and `user` in the map")
        self._user_id: int | None = None
        self.client = TargetClient(
            target_map.url,
            sign=lambda _: self._headers(),
            requests_per_second=target_map.requests_per_second,
            sleep=sleep,
        )

    def write(self, records: Sequence[Record]) -> list[Refusal]:
        """Updates up to 500 records."""
        return divide(records, self._load)

    def create_fields(self, fields: Mapping[str, ScoreValue]) -> list[str]:
        """Makes the fields that are missing."""
        model = self._map.object
        known = self._call(
            "ir.model.fields",
            "search_read",
            domain=[["model", "=", model], ["name", "in", list(fields)]],
            fields=["name"],
        )
        found = self._call("ir.model", "search_read", domain=[["model", "=", model]], fields=["id"])
        if not found:
            raise TargetError(self.client.place, fault=f"it has no model {model}")
        missing = [own for own in fields if own not in {row["name"] for row in known}]
        for own in missing:
            value = fields[own]
            column = {
                "name": own,
                "field_description": value.label,
                "ttype": _TYPES[value.type],
                "model_id": found[0]["id"],
                "state": "manual",
            }
            self._call("ir.model.fields", "create", vals_list=[column])
        return missing

    def _load(self, records: Sequence[Record]) -> list[Refusal]:
        names = list(records[0].cells)
        types = {own: value.type for own, value in self._map.values.items()}
        rows = [
            [record.lead_id, *(_cell(record.cells[own], types[own]) for own in names)] for record in records
        ]
        header = [self._map.id_field or _OWN_ID, *names]
        # Times are read in the zone of the user unless another is named.
        answer = self._call(self._map.object, "load", fields=header, data=rows, context={"tz": "UTC"})
        if not isinstance(answer, dict):
            raise TargetError(self.client.place, fault="it does not say what it wrote")
        faults = [entry for entry in answer.get("messages") or [] if entry.get("type") == "error"]
        if not faults:
            written = answer.get("ids")
            if not isinstance(written, list) or len(written) != len(records):
                raise BatchRefusedError("it was not written, and Odoo does not say why")
            return []
        if any(_NO_FIELD in str(fault.get("message")) for fault in faults):
            told = f"{faults[0].get('message')}; --create-fields makes the fields of the map"
            raise TargetError(self.client.place, fault=told)
        refused = _refusals(faults, records)
        if not refused:
            raise BatchRefusedError(str(faults[0].get("message")))
        at_fault = {refusal.lead_id for refusal in refused}
        others = [record for record in records if record.lead_id not in at_fault]
        return [*refused, *(divide(others, self._load) if others else [])]

    def _headers(self) -> Mapping[str, str]:
        if not self._is_json:
            return {"Content-Type": "text/xml"}
        own = {"X-Odoo-Database": self._map.database} if self._map.database else {}
        return {"Authorization": f"bearer {self._key}", "User-Agent": "LeadOdds", **own}

    def _call(self, model: str, method: str, **arguments: Any) -> Any:
        """Calls a method of a model.

        Raises:
            TargetError: Odoo does not take the call as a whole.
        """
        if self._is_json:
            return self.client.accept(self.client.send("POST", f"/json/2/{model}/{method}", json=arguments))
        if self._user_id is None:
            found = self._xml("common", "authenticate", self._map.database, self._map.user, self._key, {})
            if not found:
                raise TargetError(self.client.place, fault="it does not know this database, user and key")
            self._user_id = int(found)
        own = (self._map.database, self._user_id, self._key)
        # `create` names its argument differently before 17, so it goes by its place.
        places = [arguments.pop("vals_list")] if "vals_list" in arguments else []
        return self._xml("object", "execute_kw", *own, model, method, places, arguments)

    def _xml(self, service: str, method: str, *arguments: Any) -> Any:
        body = xmlrpc.client.dumps(arguments, methodname=method, allow_none=True).encode()
        response = self.client.send("POST", f"/xmlrpc/2/{service}", content=body)
        try:
            (returned,), _ = xmlrpc.client.loads(self.client.check(response).content)
        except xmlrpc.client.Fault as fault:
            lines = str(fault.faultString).strip().splitlines()
            raise TargetError(self.client.place, fault=lines[-1] if lines else "no reason given") from None
        except (ExpatError, xmlrpc.client.ResponseError, ValueError):
            told = f"it answered {response.status_code} with what is no XML-RPC ({explain(response)})"
            raise TargetError(self.client.place, fault=told) from None
        return returned


def _refusals(faults: Sequence[Mapping[str, Any]], records: Sequence[Record]) -> list[Refusal]:
    """The records whose rows the messages name, the first reason of each."""
    found: dict[str, str] = {}
    for fault in faults:
        rows = fault.get("rows") or {}
        first, last = rows.get("from", fault.get("record")), rows.get("to", fault.get("record"))
        if first is None or last is None:
            continue
        for record in records[int(first) : int(last) + 1]:
            found.setdefault(record.lead_id, str(fault.get("message")))
    return [Refusal(lead_id, reason) for lead_id, reason in found.items()]


def _cell(cell: Cell, kind: FieldType) -> str | bool:
    """Values as `load` takes them: texts, false for empty, and times without a zone.

    >>> _cell("2026-11-30T08:00:00Z", "time")
    '2026-11-30 08:00:00'
    """
    if cell is None:
        return False
    if kind == "time":
        return str(cell).replace("T", " ").removesuffix("Z")
    if isinstance(cell, bool):
        return "1" if cell else "0"
    return str(cell)
