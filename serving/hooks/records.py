"""Takes the body of a hook apart: into its records, and into what tells a repetition from news.

Sources: Odoo `ir.actions.server` (one object, JSON); https://pipedrive.readme.io/docs/guide-for-webhooks-v2;
https://docs.espocrm.com/administration/webhooks ("always an array"); Zoho CRM, *Webhooks* (form or raw body);
https://developers.hubspot.com/docs/api/webhooks (an array of up to 100 events).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from email import policy
from email.parser import BytesParser
from typing import Any, Final
from urllib.parse import parse_qsl

from features.imports.format.values import PlainValue
from features.imports.reading.plain_cells import ABSENT, plain_cell
from serving.bodies.json_faults import FaultyItem, rest_of, separate_faulty
from serving.bodies.strict_json import parse_json
from serving.errors import NotJsonError
from serving.hooks.map_format import HookMap
from serving.intake.items import canonical

KEY_BYTES: Final = 16
MOST_FIELDS: Final = 1_000
# As of the items of one body over the routes: the acknowledgement of another hook waits for what they take.
MOST_RECORDS: Final = 1_000
# Names of the parameters of the address among the fields of a record begin with this.
PARAMETER: Final = "?"
# CRMs whose repetitions differ from the first.
_DATED: Final = ("pipedrive", "hubspot")
_EVENT_ID: Final = PlainValue(column="meta", path="id")
# It alone differs where HubSpot sends the same events again.
_ATTEMPT: Final = "attemptNumber"

Record = Mapping[str, Any]


class HookBodyError(Exception):
    """A body that holds no records; the text says why, without what was sent."""


def read_document(body: bytes, content_type: str) -> Any:
    """Reads a body as what it is: JSON, or a form.

    Returns:
        The document; a `FaultyItem` where a part of it has no single meaning.

    Raises:
        HookBodyError: it is neither.
    """
    media_type = content_type.partition(";")[0].strip().lower()
    try:
        if media_type == "application/x-www-form-urlencoded":
            fields = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS)
            return separate_faulty(dict(fields))
        if media_type == "multipart/form-data":
            return separate_faulty(_multipart(body, content_type))
        return parse_json(body, is_item=True)
    except NotJsonError as error:
        raise HookBodyError(" ".join(fault.message for fault in error.faults) or str(error)) from None
    except (UnicodeDecodeError, ValueError):
        raise HookBodyError("The body is no form.") from None


def read_parameters(query: str) -> dict[str, str]:
    """Reads the parameters of an address, but for those of no single meaning."""
    parameters: dict[str, str] = rest_of(separate_faulty(dict(parse_qsl(query, keep_blank_values=True))))
    return parameters


def _multipart(body: bytes, content_type: str) -> dict[str, str]:
    """Reads the fields of a form in parts; files in it are left out."""
    head = f"Content-Type: {content_type}\r\n\r\n".encode()
    fields = {}
    try:
        message = BytesParser(policy=policy.HTTP).parsebytes(head + body)
        for part in message.iter_parts():
            name = part.get_param("name", header="content-disposition")
            content = part.get_payload(decode=True)
            if name and part.get_filename() is None and isinstance(content, bytes):
                fields[str(name)] = content.decode().removesuffix("\r\n")
    except Exception:  # noqa: BLE001 - the parser of messages raises whatever it likes where heads are odd
        fields.clear()
    if not fields:
        raise HookBodyError("The body is no form in parts.")
    return fields


def records_of(document: Any, hook_map: HookMap, parameters: Mapping[str, str]) -> list[Record]:
    """Lists the records of a document, each with the parameters of the address.

    Raises:
        HookBodyError: the document has no record, or not where the map looks for them.
    """
    found = document
    if hook_map.records is not None:
        found = plain_cell(PlainValue(column="body", path=hook_map.records), {"body": document})
    listed = found if isinstance(found, list) else [found]
    if found is ABSENT or not all(isinstance(record, dict) for record in listed):
        raise HookBodyError("The body holds no records where the map looks for them.")
    if len(listed) > MOST_RECORDS:
        raise HookBodyError(f"A body holds up to {MOST_RECORDS:,} records.")
    own = {f"{PARAMETER}{name}": value for name, value in parameters.items()}
    return [{**record, **own} for record in listed]


def key_of(crm: str, body: bytes, content_type: str, query: str) -> bytes:
    """Hashes what a repetition has in common with the first: the id of the event, or the whole body."""
    try:
        document = read_document(body, content_type) if crm in _DATED else None
        told = None if isinstance(document, FaultyItem) else _identity(crm, document)
    except HookBodyError:
        told = None
    parts = (crm.encode(), body, query.encode()) if told is None else (crm.encode(), b"event", told.encode())
    hashed = hashlib.blake2b(digest_size=KEY_BYTES)
    for part in parts:
        hashed.update(len(part).to_bytes(8, "big") + part)
    return hashed.digest()


def _identity(crm: str, document: Any) -> str | None:
    if crm == "pipedrive" and isinstance(document, dict):
        event = plain_cell(_EVENT_ID, document)
        return str(event) if isinstance(event, str | int) and event else None
    if crm == "hubspot" and isinstance(document, list):
        events = [
            {name: cell for name, cell in event.items() if name != _ATTEMPT}
            if isinstance(event, dict)
            else event
            for event in document
        ]
        return canonical({"events": events})
    return None
