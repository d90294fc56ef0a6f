"""Salesforce: an upsert by an id, as a job of Bulk API 2.0.

A job is taken row by row, so that one bad row costs no other. An upsert by Id never creates a record; one by
an external id creates none either, because a lead without a last name and a company is refused.

Source: Bulk API 2.0 and Bulk API Developer Guide, "Bulk API 2.0 Ingest"; "OAuth 2.0 Client Credentials Flow"
in Salesforce Help; Tooling API, CustomField; read 2026-11.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

from serving.outgoing.client import Sleep, TargetClient, TargetError, explain
from serving.outgoing.credentials import credential
from serving.writeback.target import Record, Refusal
from serving.writeback.target_map import TargetMap
from serving.writeback.values import Cell, FieldType, ScoreValue

_OWN_ID: Final = "Id"
# Empties a field; an empty cell leaves it as it is.
_NULL: Final = "#N/A"
_FIRST_POLL_SECONDS: Final = 1.0
_LONGEST_POLL_SECONDS: Final = 30.0
_PATIENCE_SECONDS: Final = 3600.0
_DONE: Final = "JobComplete"
_ERROR_COLUMN: Final = "sf__Error"
_ENDED: Final = ("Failed", "Aborted")
_EXISTS: Final = ("DUPLICATE_DEVELOPER_NAME", "already")
_BAD_REQUEST: Final = 400
_METADATA: Final[Mapping[FieldType, Mapping[str, Any]]] = {
    "number": {"type": "Number", "precision": 18, "scale": 2},
    "text": {"type": "Text", "length": 255},
    "time": {"type": "DateTime"},
    "boolean": {"type": "Checkbox", "defaultValue": "false"},
    "link": {"type": "Url"},
}


class Salesforce:
    """Records of one object of a Salesforce org."""

    # A job takes 100 MB; a row of the shipped map has some 400 bytes.
    batch_size = 10_000

    def __init__(self, target_map: TargetMap, *, sleep: Sleep) -> None:
        """Reads the credentials; nothing is sent yet."""
        self._form = {
            "client_id": credential("LEADODDS_SALESFORCE_CLIENT_ID"),
            "client_secret": credential("LEADODDS_SALESFORCE_CLIENT_SECRET"),
        }
        self._map = target_map
        self._id_field = target_map.id_field or _OWN_ID
        self._sleep = sleep
        self.client = TargetClient(
            target_map.url,
            sign=self._sign_in,
            requests_per_second=target_map.requests_per_second,
            sleep=sleep,
        )

    def write(self, records: Sequence[Record]) -> list[Refusal]:
        """Upserts records in one job, and waits for its end."""
        job = self._call(
            "POST",
            "/jobs/ingest",
            json={
                "object": self._map.object,
                "operation": "upsert",
                "externalIdFieldName": self._id_field,
                "contentType": "CSV",
                "lineEnding": "LF",
            },
            needed=("id",),
        )
        path = f"/jobs/ingest/{job['id']}"
        self._call("PUT", f"{path}/batches", content=self._csv(records), kind="text/csv")
        self._call("PATCH", path, json={"state": "UploadComplete"})
        self._wait_for(path)
        refused = self._rows(f"{path}/failedResults/", _ERROR_COLUMN)
        left = self._rows(f"{path}/unprocessedrecords/")
        return [
            *(Refusal(row[self._id_field], row[_ERROR_COLUMN]) for row in refused),
            *(Refusal(row[self._id_field], "not processed") for row in left),
        ]

    def create_fields(self, fields: Mapping[str, ScoreValue]) -> list[str]:
        """Makes the custom fields that are missing; who may see them is set in Salesforce."""
        return [own for own, value in fields.items() if self._create(own, value)]

    def _sign_in(self, client: TargetClient) -> Mapping[str, str]:
        return client.sign_in("/services/oauth2/token", self._form)

    def _call(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        content: bytes | None = None,
        kind: str | None = None,
        needed: Sequence[str] = (),
    ) -> dict[str, Any]:
        """Calls below the version; gives the answer, which has some names at least."""
        headers = None if kind is None else {"Content-Type": kind}
        whole = f"/services/data/{self._map.version}{path}"
        response = self.client.send(method, whole, json=json, content=content, headers=headers)
        return self.client.accept_object(response, *needed) if needed else self.client.accept(response)

    def _csv(self, records: Sequence[Record]) -> bytes:
        types = {own: value.type for own, value in self._map.values.items()}
        text = io.StringIO()
        rows = csv.writer(text, lineterminator="\n")
        rows.writerow([self._id_field, *types])
        rows.writerows(
            [record.lead_id, *(_cell(record.cells[own], kind) for own, kind in types.items())]
            for record in records
        )
        return text.getvalue().encode()

    def _wait_for(self, path: str) -> None:
        pause, waited = _FIRST_POLL_SECONDS, 0.0
        while waited <= _PATIENCE_SECONDS:
            job = self._call("GET", path, needed=("id", "state"))
            if job["state"] == _DONE:
                return
            if job["state"] in _ENDED:
                reason = job.get("errorMessage") or "no reason given"
                fault = f"the job {job['id']} {job['state'].lower()}: {reason}"
                raise TargetError(self.client.place, fault=fault)
            self._sleep(pause)
            waited += pause
            pause = min(_LONGEST_POLL_SECONDS, 2 * pause)
        raise TargetError(
            self.client.place, fault=f"the job did not end within {_PATIENCE_SECONDS:g} seconds"
        )

    def _rows(self, path: str, *further: str) -> list[dict[str, str]]:
        """Reads a table of results, with the ids of the records and further columns."""
        response = self.client.send("GET", f"/services/data/{self._map.version}{path}")
        text = self.client.check(response).content.decode("utf-8-sig", errors="replace")
        with suppress(csv.Error):
            rows = csv.DictReader(io.StringIO(text))
            # An empty table may have no header.
            if rows.fieldnames is None or {self._id_field, *further} <= {*rows.fieldnames}:
                return list(rows)
        fault = f"it answered {response.status_code} with no table of results ({explain(response)})"
        raise TargetError(self.client.place, fault=fault)

    def _create(self, own: str, value: ScoreValue) -> bool:
        """Whether it was missing."""
        response = self.client.send(
            "POST",
            f"/services/data/{self._map.version}/tooling/sobjects/CustomField",
            json={
                "FullName": f"{self._map.object}.{own}",
                "Metadata": {"label": f"LeadOdds: {value.label}"[:40], **_METADATA[value.type]},
            },
        )
        if response.status_code == _BAD_REQUEST and any(word in response.text for word in _EXISTS):
            return False
        self.client.accept(response)
        return True


def _cell(cell: Cell, kind: FieldType) -> str:
    """Values as a job takes them: a checkbox is never null, so what a closed lead lacks is false there.

    >>> _cell(None, "number"), _cell(None, "boolean"), _cell(True, "boolean")
    ('#N/A', 'false', 'true')
    """
    if kind == "boolean":
        return str(bool(cell)).lower()
    return _NULL if cell is None else str(cell)
