"""Signs messages as Standard Webhooks say, so that whoever gets one knows that it is ours and new.

Source: Standard Webhooks 1.0.0, "Signature scheme", https://www.standardwebhooks.com.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence
from typing import Final

_PREFIX: Final = "whsec_"
# The specification asks for 24 to 64 bytes.
_LEAST_BYTES: Final = 24
_MOST_BYTES: Final = 64


def read_secrets(text: str) -> tuple[bytes, ...]:
    """Reads secrets, separated by spaces: while one replaces another, both sign.

    Raises:
        ValueError: one is not `whsec_` and base64 of 24 to 64 bytes; its text is not told.
    """
    return tuple(_read_secret(part) for part in text.split())


def _read_secret(text: str) -> bytes:
    fault = f"has to be {_PREFIX} and base64 of {_LEAST_BYTES} to {_MOST_BYTES} random bytes"
    try:
        secret = base64.b64decode(text.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError(fault) from None
    if not text.startswith(_PREFIX) or not _LEAST_BYTES <= len(secret) <= _MOST_BYTES:
        raise ValueError(fault)
    return secret


def signed_headers(message_id: str, body: bytes, *, seconds: int, secrets: Sequence[bytes]) -> dict[str, str]:
    """Makes the headers of a message.

    Args:
        message_id: the same for every attempt to deliver it.
        body: as it is sent.
        seconds: of this attempt, since 1970.
        secrets: of the hook; none leave the signature out.
    """
    headers = {"webhook-id": message_id, "webhook-timestamp": str(seconds)}
    content = b".".join((message_id.encode(), str(seconds).encode(), body))
    signatures = [f"v1,{_signature(secret, content)}" for secret in secrets]
    return {**headers, "webhook-signature": " ".join(signatures)} if signatures else headers


def _signature(secret: bytes, content: bytes) -> str:
    return base64.b64encode(hmac.digest(secret, content, hashlib.sha256)).decode()
