"""Limits on requests that are still arriving: the size of their heads, and the time they take.

uvicorn limits neither the size of a head nor the time that a request takes to arrive, and httptools buffers
whatever comes. Here a request that arrives in one piece costs nothing; only an unfinished one starts a timer.
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
# Key in the state that uvicorn passes from the application to every connection.
RECEIVE_SECONDS: Final = "receive_seconds"
_NO_ID: Final = "-"


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's protocol with limits."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._is_unfinished = False
        self._is_in_head = False
        # Sizes: of the piece in which the head began, of all pieces since then, and of the current piece.
        self._first_bytes = 0
        self._head_bytes = 0
        self._piece_bytes = 0
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Starts the timer for the first request."""
        super().connection_made(transport)
        self._start_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stops the timer."""
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Receives a piece; a request that it leaves unfinished starts the timer."""
        if self.transport.is_closing():
            return
        self._piece_bytes = len(data)
        self._head_bytes += len(data)
        super().data_received(data)
        if not self._is_unfinished:
            self._stop_timer()
            return
        # Without the first piece, whose size is bounded: where in it the head began is unknown.
        if self._is_in_head and self._head_bytes - self._first_bytes > HEAD_LIMIT_BYTES:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        if self._timer is None:
            self._start_timer()

    def on_message_begin(self) -> None:
        """Records that a head begins."""
        super().on_message_begin()
        self._is_unfinished = self._is_in_head = True
        self._first_bytes = self._head_bytes = self._piece_bytes

    def on_headers_complete(self) -> None:
        """Measures the head, if it can be too large."""
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
        """Records that the request is complete."""
        self._is_unfinished = False
        if not self.transport.is_closing():
            super().on_message_complete()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - the message of uvicorn is not shown
        """Responds to bytes that are not HTTP."""
        self._refuse(HTTPStatus.BAD_REQUEST)

    def _start_timer(self) -> None:
        self._timer = self.loop.call_later(self.app_state[RECEIVE_SECONDS], self._time_out)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _time_out(self) -> None:
        """Ends the wait: the application responds if it waits for a body; without a head this class does."""
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
        """Writes a response, because the application has seen no request, and closes the connection."""
        if self.transport.is_closing():
            return
        if self.cycle is None or self.cycle.response_complete:
            response = status_response(status, _NO_ID, {"Connection": "close"})
            first = f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode()
            head = [first, *(b"%s: %s\r\n" % pair for pair in response.raw_headers), b"\r\n"]
            self.transport.write(b"".join([*head, bytes(response.body)]))
        self.transport.close()
