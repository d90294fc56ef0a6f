"""The server: the application with its one live model, and the process that runs it."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final

import uvicorn
from fastapi import FastAPI, Request
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from models.store import Home
from serving.clock import Clock, SteadyClock
from serving.doorstep import Doorstep, check_keyless_host, problem_response, status_response
from serving.errors import RequestError
from serving.list_routes import router as list_router
from serving.live_model import LiveModel
from serving.openapi import DESCRIPTION, describe
from serving.rescorer import Rescorer
from serving.routes import router
from serving.settings import ServerSettings, SettingsError, read_settings
from serving.store import Store
from serving.store_routes import router as store_router

_LOG: Final = logging.getLogger("leadodds.serving")


def create_app(settings: ServerSettings, *, clock: Clock | None = None) -> FastAPI:
    """Makes the application; its model has scored a lead and its store is open when this returns.

    Args:
        settings: of the server.
        clock: tells moments of receipt, and of predictions from the store; that of this machine by default.

    Raises:
        LeadOddsError: there is no model, its bundle is refused, or the database is.
    """
    clock = clock or SteadyClock()
    live = LiveModel(Home(settings.home), model=settings.model)
    store = Store(settings.store_url, clock=clock)

    rescorer = Rescorer(store, live, clock=clock)

    @asynccontextmanager
    async def run(app: FastAPI) -> AsyncIterator[None]:  # noqa: ARG001 - the signature is FastAPI's
        rescorer.start()
        following = asyncio.create_task(live.follow(poll_seconds=settings.poll_seconds))
        yield
        following.cancel()
        with suppress(asyncio.CancelledError):
            await following
        await asyncio.to_thread(rescorer.close)
        await asyncio.to_thread(store.close)

    # No pages of documentation: they would load scripts from elsewhere.
    app = FastAPI(
        title="LeadOdds",
        description=DESCRIPTION,
        version="1",
        lifespan=run,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.live, app.state.settings = live, settings
    app.state.store, app.state.clock, app.state.rescorer = store, clock, rescorer
    app.router.routes.extend([*router.routes, *store_router.routes, *list_router.routes])
    app.add_middleware(Doorstep)
    app.add_exception_handler(RequestError, _answer_error)
    app.add_exception_handler(HTTPException, _answer_status)
    app.add_exception_handler(ClientDisconnect, _answer_nobody)
    app.add_exception_handler(Exception, _answer_defect)
    describe(app)
    return app


def serve(
    *, home: Path, host: str = "127.0.0.1", port: int = 8000, model: str | None = None, workers: int = 1
) -> None:
    """Runs a server until it is told to stop.

    Args:
        home: where models are kept.
        host: address to listen on, a loopback one.
        port: to listen on; 0 takes a free one.
        model: version or bundle folder; None follows the champion.
        workers: processes; one runs without a supervisor.

    Raises:
        KeylessHostError: the address would be reachable from other machines.
        SettingsError: several processes and one file.
        LeadOddsError: there is no model, or its bundle is refused.
    """
    check_keyless_host(host)
    settings = read_settings(home=home, host=host.strip("[]"), port=port, model=model, workers=workers)
    if workers > 1 and not (settings.database or "").startswith("postgresql"):
        raise SettingsError("workers", fault="more than one needs a PostgreSQL in LEADODDS_DATABASE")
    _LOG.warning("no key: listening on %s only, and answering every route without one", host)
    if workers == 1:
        uvicorn.run(create_app(settings), host=settings.host, port=port, access_log=False)
        return
    # Refused here rather than once in every worker.
    LiveModel(Home(home), model=model)
    os.environ[_SETTINGS_VARIABLE] = settings.model_dump_json()
    uvicorn.run(
        "serving.app:app_of_worker",
        factory=True,
        host=settings.host,
        port=port,
        workers=workers,
        access_log=False,
    )


_SETTINGS_VARIABLE: Final = "LEADODDS_WORKER_SETTINGS"


def app_of_worker() -> FastAPI:
    """Makes the application in one of several workers, which know the settings from their environment."""
    return create_app(ServerSettings.model_validate_json(os.environ[_SETTINGS_VARIABLE]))


async def _answer_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestError):
        raise error
    return problem_response(error, request.state.request_id)


async def _answer_status(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    return status_response(error.status_code, request.state.request_id, dict(error.headers or {}))


async def _answer_nobody(request: Request, error: Exception) -> Response:  # noqa: ARG001 - Starlette's signature
    return status_response(400, request.state.request_id)


async def _answer_defect(request: Request, error: Exception) -> Response:
    _LOG.error("request %s met a defect: %s", request.state.request_id, type(error).__name__)
    return status_response(500, request.state.request_id)
