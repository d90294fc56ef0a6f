"""How much of a request is waited for, and how long, before there is a request: heads, and slow senders.

uvicorn bounds neither the size of a head nor the time that a request takes to arrive, and httptools gathers
whatever comes. Here a request that arrives in one piece costs nothing; only one that is left unfinished
starts a timer.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from serving.http.body import IS_LATE
from serving.http.problems import status_response

HEAD_LIMIT_BYTES: Final = 32 * 1024
MOST_HEADERS: Final = 100
# In the state that uvicorn hands from the application to every connection.
RECEIVE_SECONDS: Final = "receive_seconds"
_NO_ID: Final = "-"


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's protocol with limits."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._is_unfinished = False
        self._is_in_head = False
        # Of the pieces from that on in which the head began, the first and all.
        self._first_bytes = 0
        self._head_bytes = 0
        self._piece_bytes = 0
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Starts to wait for a request."""
        super().connection_made(transport)
        self._start_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stops waiting."""
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Takes a piece; whatever is not the end of a request is timed from here on."""
        if self.transport.is_closing():
            return
        self._piece_bytes = len(data)
        self._head_bytes += len(data)
        super().data_received(data)
        if not self._is_unfinished:
            self._stop_timer()
            return
        # Where in its first piece the head began is not known, and a piece is bounded by itself.
        if self._is_in_head and self._head_bytes - self._first_bytes > HEAD_LIMIT_BYTES:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        if self._timer is None:
            self._start_timer()

    def on_message_begin(self) -> None:
        """Notes that a head begins."""
        super().on_message_begin()
        self._is_unfinished = self._is_in_head = True
        self._first_bytes = self._head_bytes = self._piece_bytes

    def on_headers_complete(self) -> None:
        """Measures the head, where it can be too large."""
        self._is_in_head = False
        is_large = len(self.headers) > MOST_HEADERS
        if self._head_bytes > HEAD_LIMIT_BYTES:
            size = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
            is_large = is_large or size > HEAD_LIMIT_BYTES
        if is_large:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
            return
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Passes a part of a body on, unless its head was refused."""
        if not self.transport.is_closing():
            super().on_body(body)

    def on_message_complete(self) -> None:
        """Notes that the request is there."""
        self._is_unfinished = False
        if not self.transport.is_closing():
            super().on_message_complete()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's words are for nobody
        """Answers what is no HTTP."""
        self._refuse(HTTPStatus.BAD_REQUEST)

    def _start_timer(self) -> None:
        self._timer = self.loop.call_later(self.app_state[RECEIVE_SECONDS], self._be_late)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _be_late(self) -> None:
        """Gives up waiting: the application answers where it waits for a body, nobody does without a head."""
        self._timer = None
        if not self._is_unfinished:
            self.transport.close()
        elif self._is_in_head:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT)
        elif self.cycle.response_complete:
            self.transport.close()
        else:
            self.cycle.scope["state"][IS_LATE] = True
            self.cycle.message_event.set()

    def _refuse(self, status: HTTPStatus) -> None:
        """Answers by hand, because no application has seen a request, and hangs up."""
        if self.transport.is_closing():
            return
        if self.cycle is None or self.cycle.response_complete:
            answer = status_response(status, _NO_ID, {"Connection": "close"})
            first = f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode()
            head = [first, *(b"%s: %s\r\n" % pair for pair in answer.raw_headers), b"\r\n"]
            self.transport.write(b"".join([*head, bytes(answer.body)]))
        self.transport.close()
