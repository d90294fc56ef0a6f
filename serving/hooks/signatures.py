"""Checks that a hook comes from the CRM: its signature, or the name and password that it sends.

The token in the address says who may send; these say that the body is as the CRM wrote it. What a CRM always
signs has to be right, so its secret must be in `hooks.toml` before its hooks are taken.
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64decode, b64encode
from binascii import hexlify
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from pydantic import SecretStr

from serving.hooks.setup import CrmSetup

_WINDOW_MS: Final = 5 * 60 * 1000
_BASIC: Final = "basic "
# What HubSpot takes apart in an address before it signs it.
_DECODED: Final = {f"%{ord(sign):02X}": sign for sign in ":/?@!$'()*,;"}


@dataclass(frozen=True, slots=True)
class SentHook:
    """A request of a CRM, as far as its signature depends on it.

    Attributes:
        headers: by their names in small letters.
        address: path and query, as they were sent.
        body: as it was sent.
        now_ms: milliseconds since 1970.
    """

    headers: Mapping[str, str]
    address: str
    body: bytes
    now_ms: int


def is_genuine(crm: str, setup: CrmSetup, sent: SentHook) -> bool:
    """Tells whether a request is signed as the CRM signs; Odoo and Zoho do not sign."""
    if crm == "pipedrive":
        authorization = sent.headers.get("authorization", "")
        return setup.password is None or _has_password(setup, setup.password, authorization)
    if crm == "espocrm":
        return _is_of_espocrm(setup, sent)
    if crm == "hubspot":
        secret = setup.client_secret
        return secret is not None and _is_of_hubspot(secret.get_secret_value().encode(), sent)
    return True


def _has_password(setup: CrmSetup, password: SecretStr, authorization: str) -> bool:
    """Source: https://developers.pipedrive.com/docs/api/v1/Webhooks, `http_auth_user`; RFC 7617."""
    if authorization[: len(_BASIC)].lower() != _BASIC:
        return False
    try:
        told = b64decode(authorization[len(_BASIC) :].strip(), validate=True)
    except ValueError:
        return False
    return hmac.compare_digest(told, f"{setup.user}:{password.get_secret_value()}".encode())


def _is_of_espocrm(setup: CrmSetup, sent: SentHook) -> bool:
    """Source: https://docs.espocrm.com/administration/webhooks, *Signature checking*.

    `base64(webhookId:hmac)`, the HMAC-SHA256 of the body in hexadecimal digits. Before version 9 the header
    is `X-Signature`, and the HMAC its bytes; later versions send both until 11.
    """
    for name, write in (("signature", hexlify), ("x-signature", bytes)):
        if name not in sent.headers:
            continue
        try:
            webhook_id, _, told = b64decode(sent.headers[name], validate=True).partition(b":")
        # Signs beyond ASCII are another error than letters that Base64 does not have.
        except ValueError:
            return False
        secret = setup.secrets.get(webhook_id.decode("utf-8", "replace"), SecretStr("-"))
        right = write(hmac.digest(secret.get_secret_value().encode(), sent.body, "sha256"))
        return webhook_id.decode("utf-8", "replace") in setup.secrets and hmac.compare_digest(told, right)
    return False


def _is_of_hubspot(secret: bytes, sent: SentHook) -> bool:
    """Source: https://developers.hubspot.com/docs/api/webhooks/validating-requests.

    Version 3 is in the way where it is sent: it alone dates the request. Actions of workflows are signed by
    version 2, web hooks by version 1: https://legacydocs.hubspot.com/docs/faq/v2-request-validation.
    """
    if (told := sent.headers.get("x-hubspot-signature-v3")) is not None:
        at = sent.headers.get("x-hubspot-request-timestamp", "")
        is_recent = at.isdecimal() and len(at) < 18 and abs(sent.now_ms - int(at)) <= _WINDOW_MS
        address = sent.address
        for code, sign in _DECODED.items():
            address = address.replace(code, sign).replace(code.lower(), sign)
        return is_recent and any(
            hmac.compare_digest(told.encode(), b64encode(hmac.digest(secret, signed + at.encode(), "sha256")))
            for signed in _signed(sent, address)
        )
    told = sent.headers.get("x-hubspot-signature", "")
    version = sent.headers.get("x-hubspot-signature-version", "v1").lower()
    bodies = {"v1": [sent.body], "v2": _signed(sent, sent.address)}.get(version, ())
    return any(
        hmac.compare_digest(told.encode(), hashlib.sha256(secret + signed).hexdigest().encode())
        for signed in bodies
    )


def _signed(sent: SentHook, address: str) -> Iterator[bytes]:
    """Gives what may have been signed: behind a proxy only HubSpot knows by which scheme it came."""
    for scheme in ("https", "http"):
        yield f"POST{scheme}://{sent.headers.get('host', '')}{address}".encode() + sent.body
