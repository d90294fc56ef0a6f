"""Asks the application directly, without a socket."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import httpx

from models.home.home import Home
from serving.app import create_app
from serving.clock import Clock
from serving.http.state import ServerState
from serving.rescoring.rescorer import Rescorer
from serving.settings import ServerSettings


class Client:
    """A synchronous client of one application."""

    def __init__(self, app: Any, loop: asyncio.AbstractEventLoop) -> None:
        self.app = app
        self._loop = loop
        # Answers as a server would, instead of raising what the application raised.
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        self._client = httpx.AsyncClient(transport=transport, base_url="http://localhost")

    @property
    def server(self) -> ServerState:
        """The parts of the application."""
        server: ServerState = self.app.state.server
        return server

    @cached_property
    def rescorer(self) -> Rescorer:
        """What the process beside a server does."""
        server = self.server
        return Rescorer(server.store, server.live, clock=server.clock)

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Asks, and waits for the answer."""
        return self._loop.run_until_complete(self._client.request(method, path, **options))

    def get(self, path: str, **options: Any) -> httpx.Response:
        """GET."""
        return self.request("GET", path, **options)

    def post(self, path: str, **options: Any) -> httpx.Response:
        """POST."""
        return self.request("POST", path, **options)

    def put(self, path: str, **options: Any) -> httpx.Response:
        """PUT."""
        return self.request("PUT", path, **options)

    def patch(self, path: str, **options: Any) -> httpx.Response:
        """PATCH."""
        return self.request("PATCH", path, **options)

    def delete(self, path: str, **options: Any) -> httpx.Response:
        """DELETE."""
        return self.request("DELETE", path, **options)

    def at_once(self, requests: Sequence[tuple[str, str, dict[str, Any]]]) -> list[httpx.Response]:
        """Sends requests, each a method, a path and options, without waiting for one before the next."""

        async def run() -> list[httpx.Response]:
            sent = (self._client.request(method, path, **options) for method, path, options in requests)
            return await asyncio.gather(*sent)

        return self._loop.run_until_complete(run())

    def close(self) -> None:
        """Ends the client."""
        if "rescorer" in self.__dict__:
            self.rescorer.close()
        self._loop.run_until_complete(self._client.aclose())


@contextmanager
def client_of(home: Home, *, clock: Clock | None = None, **settings: Any) -> Iterator[Client]:
    """A client of a new application over a home."""
    loop = asyncio.new_event_loop()
    client = Client(create_app(ServerSettings(home=home.path, **settings), clock=clock), loop)
    yield client
    client.close()
    client.server.store.close()
    loop.close()


def secret_of(key: str) -> str:
    """The secret of `lo_<id>_<secret>`, which may hold further underscores."""
    return key.split("_", 2)[2]
