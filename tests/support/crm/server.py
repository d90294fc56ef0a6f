"""A server that behaves as a vendor's documentation says, and fails when a test wants it to."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote

CUT_BEFORE = "cut before"
CUT_AFTER = "cut after"


@dataclass(frozen=True)
class Call:
    """One request as the server got it."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def form(self) -> dict[str, str]:
        return {name: values[0] for name, values in parse_qs(self.body.decode()).items()}


@dataclass(frozen=True)
class Answer:
    """One answer."""

    status: int
    body: Any = None
    kind: str = "application/json"

    @property
    def content(self) -> bytes:
        if self.body is None:
            return b""
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


# Instead of an answer: a status with headers, another answer, or a connection cut before or after the work.
Failure = tuple[int, Mapping[str, str]] | Answer | str


@dataclass
class CrmServer:
    """Runs until its block ends.

    Attributes:
        records: fields of each record by its id.
        refused: ids that a rule of the CRM refuses whatever is written.
        failures: what goes wrong, by the number of the call, from 0.
        calls: that came.
        lifetime: calls that a token is good for.
        broken: rules that a call broke.
    """

    records: dict[str, dict[str, Any]]
    refused: set[str] = field(default_factory=set)
    failures: dict[int, Failure] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    lifetime: int = 1_000_000
    broken: list[AssertionError] = field(default_factory=list)
    _tokens: dict[str, int] = field(default_factory=dict)

    def __enter__(self) -> CrmServer:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self._respond))
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        assert not self.broken, "a call broke a rule of the vendor"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def answer(self, call: Call) -> Answer:
        raise NotImplementedError

    def new_token(self) -> str:
        token = f"token-{len(self._tokens)}"
        self._tokens[token] = self.lifetime
        return token

    def lets_in(self, call: Call) -> bool:
        """Whether the token is one of ours, and not used up."""
        token = call.headers.get("authorization", "").removeprefix("Bearer ")
        left = self._tokens.get(token, 0)
        self._tokens[token] = left - 1
        return left > 0

    def _respond(self, call: Call) -> tuple[Answer, Mapping[str, str]] | None:
        failure = self.failures.get(len(self.calls))
        self.calls.append(call)
        try:
            return self._fail_or_answer(call, failure)
        except AssertionError as error:
            self.broken.append(error)
            raise

    def _fail_or_answer(self, call: Call, failure: Failure | None) -> tuple[Answer, Mapping[str, str]] | None:
        if failure == CUT_BEFORE:
            return None
        if isinstance(failure, Answer):
            return failure, {}
        if isinstance(failure, tuple):
            status, headers = failure
            return Answer(status, {"message": "later"}), headers
        answered = self.answer(call)
        return None if failure == CUT_AFTER else (answered, {})


def _handler(
    respond: Callable[[Call], tuple[Answer, Mapping[str, str]] | None],
) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            responded = respond(Call(self.command, unquote(self.path), headers, body))
            if responded is None:
                self.close_connection = True
                return
            answered, further = responded
            self.send_response(answered.status)
            self.send_header("Content-Type", answered.kind)
            self.send_header("Content-Length", str(len(answered.content)))
            for name, value in further.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answered.content)

        do_GET = do_POST = do_PUT = do_PATCH = _serve  # noqa: N815 - the names are the library's

        def log_message(self, *_: Any) -> None:
            """Says nothing."""

    return Handler
