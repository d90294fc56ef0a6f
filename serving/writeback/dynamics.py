"""Dynamics 365 on Dataverse: many records in one call, addressed by their id or by an alternate key.

By id the call is UpdateMultiple: an upsert would make an empty lead again of one that was deleted. A key is
taken by UpsertMultiple alone. Either call is one transaction for a standard table, so a batch with a bad
record is halved until it stands alone.

Source: learn.microsoft.com, Dataverse developer guide: "Bulk operation messages", "UpsertMultiple Action",
"Use an alternate key to reference a record", "Service protection API limits", "Create and update column
definitions using the Web API"; read 2026-11.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

from serving.outgoing.client import Sleep, TargetClient, TargetError, explain
from serving.outgoing.credentials import credential
from serving.writeback.target import BatchRefusedError, Record, Refusal, divide
from serving.writeback.target_map import TargetMap
from serving.writeback.values import FieldType, ScoreValue

_REFUSED: Final = (400, 404, 409, 412)
_MISSING: Final = 404
_NAMESPACE: Final = "Microsoft.Dynamics.CRM"
# Codes of a column or a table that nobody made; no record is at fault.
_UNDECLARED: Final = ("0x80048d19", "0x80060888", "Could not find a property named")
_METADATA: Final[Mapping[FieldType, Mapping[str, Any]]] = {
    "number": {
        "@odata.type": f"{_NAMESPACE}.DecimalAttributeMetadata",
        "Precision": 2,
        "MinValue": -100_000_000_000,
        "MaxValue": 100_000_000_000,
    },
    "text": {
        "@odata.type": f"{_NAMESPACE}.StringAttributeMetadata",
        "FormatName": {"Value": "Text"},
    },
    "time": {"@odata.type": f"{_NAMESPACE}.DateTimeAttributeMetadata", "Format": "DateAndTime"},
    "boolean": {
        "@odata.type": f"{_NAMESPACE}.BooleanAttributeMetadata",
        "OptionSet": {},
    },
    "link": {
        "@odata.type": f"{_NAMESPACE}.StringAttributeMetadata",
        "FormatName": {"Value": "Url"},
    },
}
_LANGUAGE: Final = 1033


class Dynamics:
    """Records of one table of a Dataverse environment."""

    batch_size = 100

    def __init__(self, target_map: TargetMap, *, sleep: Sleep) -> None:
        """Reads the credentials; nothing is sent yet."""
        tenant = target_map.tenant or credential("LEADODDS_DYNAMICS_TENANT")
        self._form = {
            "client_id": credential("LEADODDS_DYNAMICS_CLIENT_ID"),
            "client_secret": credential("LEADODDS_DYNAMICS_CLIENT_SECRET"),
            "scope": f"{target_map.url.rstrip('/')}/.default",
        }
        self._sign_in_url = f"{target_map.sign_in_url.rstrip('/')}/{quote(tenant)}/oauth2/v2.0/token"
        self._map = target_map
        self.client = TargetClient(
            target_map.url,
            sign=self._sign_in,
            requests_per_second=target_map.requests_per_second,
            sleep=sleep,
        )

    def write(self, records: Sequence[Record]) -> list[Refusal]:
        """Updates up to 100 records."""
        return divide(records, self._write)

    def create_fields(self, fields: Mapping[str, ScoreValue]) -> list[str]:
        """Makes the columns that are missing; forms show them once they are put there and published."""
        return [own for own, value in fields.items() if self._create(own, value)]

    def _sign_in(self, client: TargetClient) -> Mapping[str, str]:
        signed = client.sign_in(self._sign_in_url, self._form)
        return {**signed, "OData-MaxVersion": "4.0", "OData-Version": "4.0"}

    def _write(self, records: Sequence[Record]) -> list[Refusal]:
        by_key = self._map.id_field is not None
        action = "UpsertMultiple" if by_key else "UpdateMultiple"
        path = f"/api/data/{self._map.version}/{self._map.set_name}/{_NAMESPACE}.{action}"
        response = self.client.send("POST", path, json={"Targets": list(map(self._target, records))})
        if response.status_code in _REFUSED:
            if any(code in response.text for code in _UNDECLARED):
                fault = (
                    f"a column does not exist ({explain(response)}); --create-fields makes those of the map"
                )
                raise TargetError(self.client.place, fault=fault)
            raise BatchRefusedError(explain(response))
        self.client.accept(response)
        return []

    def _target(self, record: Record) -> dict[str, Any]:
        own = {"@odata.type": f"{_NAMESPACE}.{self._map.object}", **record.cells}
        if self._map.id_field is None:
            return {**own, f"{self._map.object}id": record.lead_id}
        # A quote in a text is written twice, and the whole stands in an address.
        key = quote(record.lead_id.replace("'", "''"), safe="")
        return {**own, "@odata.id": f"{self._map.set_name}({self._map.id_field}='{key}')"}

    def _create(self, own: str, value: ScoreValue) -> bool:
        """Whether it was missing."""
        table = (
            f"/api/data/{self._map.version}/EntityDefinitions(LogicalName='{self._map.object}')/Attributes"
        )
        found = self.client.send("GET", f"{table}(LogicalName='{own}')?$select=LogicalName")
        if found.status_code != _MISSING:
            self.client.accept(found)
            return False
        self.client.accept(self.client.send("POST", table, json=self._column(own, value)))
        return True

    def _column(self, own: str, value: ScoreValue) -> dict[str, Any]:
        column = {
            **_METADATA[value.type],
            "SchemaName": own,
            "DisplayName": _label(f"LeadOdds: {value.label}"),
            "RequiredLevel": {"Value": "None"},
        }
        if value.type in ("text", "link"):
            column["MaxLength"] = max(self._map.text_length, 200)
        if value.type == "boolean":
            column["OptionSet"] = {
                "TrueOption": {"Value": 1, "Label": _label("Yes")},
                "FalseOption": {"Value": 0, "Label": _label("No")},
                "OptionSetType": "Boolean",
            }
        return column


def _label(text: str) -> dict[str, Any]:
    return {
        "@odata.type": f"{_NAMESPACE}.Label",
        "LocalizedLabels": [
            {"@odata.type": f"{_NAMESPACE}.LocalizedLabel", "Label": text, "LanguageCode": _LANGUAGE}
        ],
    }
