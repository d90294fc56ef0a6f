"""A web hook that checks what it is sent as whoever gets it would, by an implementation of its own."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.support.crm.server import Answer, Call, CrmServer

KEY = b"0123456789abcdef0123456789abcdef"
SECRET = f"whsec_{base64.b64encode(KEY).decode()}"


def signature(key: bytes, call: Call) -> str:
    """The signature that the headers and the body of a call ask for."""
    content = f"{call.headers['webhook-id']}.{call.headers['webhook-timestamp']}.".encode() + call.body
    return "v1," + base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()


@dataclass
class HookReceiver(CrmServer):
    """Takes every message that is signed right.

    Attributes:
        key: that signs; None where nothing does.
    """

    key: bytes | None = KEY

    def _respond(self, call: Call) -> tuple[Answer, Mapping[str, str]] | None:
        # Who was killed in the middle of a message has not sent it.
        is_whole = len(call.body) == int(call.headers["content-length"])
        return super()._respond(call) if is_whole else None

    def answer(self, call: Call) -> Answer:
        if self.key is not None:
            assert signature(self.key, call) in call.headers["webhook-signature"].split()
        return Answer(204)

    @property
    def events(self) -> dict[str, Any]:
        """What came, by the id of the message: each once."""
        return {call.headers["webhook-id"]: json.loads(call.body) for call in self.calls}
