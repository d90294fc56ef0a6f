"""The application: one live model, the store with its keys, the routes, and the middleware around them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import BaseRoute

from models.home.home import Home
from serving.clock import Clock, SteadyClock
from serving.database.engine import DatabaseLimits
from serving.database.secret import Secret, read_secret
from serving.errors import ReadTooLongError, RequestError
from serving.hooks.setup import HookSetup
from serving.hooks.worker import HookReception, HookWorker
from serving.http.auth import Access
from serving.http.logs import RequestLog
from serving.http.metrics import Metrics
from serving.http.middleware import RequestMiddleware, RequestTelemetry, check_keyless_host
from serving.http.problems import answer_error
from serving.http.protocol import RECEIVE_SECONDS
from serving.http.rate_limits import Limits, RateLimits
from serving.http.routes import hooks, intake, lead_scores, leads, lists, model, operations, score, tracking
from serving.http.routes.documents import openapi_routes
from serving.http.shutdown import GracefulShutdown
from serving.http.state import ServerState
from serving.http.threads import BoundedThreads
from serving.keys.live_keys import LiveKeys
from serving.page.routes import routes as page_routes
from serving.rescoring.process import RescoringProcess
from serving.scoring.json_rows import JsonObject
from serving.scoring.lead_requests import score_each
from serving.scoring.live_model import LiveModel, load_predictor
from serving.scoring.microbatch import AsyncHandler, MicroBatcher
from serving.settings import ServerSettings
from serving.store.records import Evidence
from serving.store.store import Store
from serving.stored_leads.live_staleness import LiveStaleness
from serving.stored_leads.score_lead import StoredLeadRequest, score_stored_leads

# Threads that read the database, threads for other work, and calls that may wait for one of them.
_READERS: Final = 8
_WORKERS: Final = 2
_MOST_WAITING: Final = 64
# Routes are tried in order, and a dozen attempts take as long as parsing a small body: these come first.
_BUSIEST: Final = ("/v1/score", "/v1/leads/{lead_id:path}/score")


def create_app(
    settings: ServerSettings,
    *,
    clock: Clock | None = None,
    rescoring: RescoringProcess | None = None,
    on_end: Callable[[], None] = lambda: None,
) -> Starlette:
    """Creates the application; when this returns, the store is open and the model has scored a first lead.

    Args:
        settings: of the server.
        clock: gives moments of receipt, and of predictions for stored leads; that of this machine by default.
        rescoring: the process that runs as long as the application; None: another one has it, or nobody.
        on_end: is called once the application has ended and its last lines are logged.

    Raises:
        KeylessHostError: there is no key, and the address is reachable from other machines.
        LeadOddsError: there is no model, or its bundle or the database is refused.
    """
    clock = clock or SteadyClock()
    metrics, shutdown = Metrics(), GracefulShutdown()
    store, keys = open_store(settings, clock)
    try:
        secret = read_secret(settings.secret_path)
        load = partial(load_predictor, on_features=metrics.observe_features)
        live = LiveModel(Home(settings.home), model=settings.model, load=load)
        hook_setup = HookSetup(settings.hooks_path)
    except BaseException:
        store.close()
        raise
    staleness = LiveStaleness(store, live)
    worker = HookWorker(store, hook_setup)
    log = RequestLog() if settings.log_requests else None

    @asynccontextmanager
    async def run(app: Starlette) -> AsyncIterator[dict[str, object]]:  # noqa: ARG001 - the signature is Starlette's
        if rescoring is not None:
            rescoring.start()
        seconds = settings.poll_seconds
        worker.start()
        followers = [asyncio.create_task(part.follow(poll_seconds=seconds)) for part in (live, keys)]
        followers.append(asyncio.create_task(staleness.follow()))
        with shutdown.delayed_by(settings.drain_seconds):
            yield {RECEIVE_SECONDS: settings.receive_seconds}
        for follower in followers:
            follower.cancel()
        await asyncio.gather(*followers, return_exceptions=True)
        if rescoring is not None:
            await asyncio.to_thread(rescoring.close)
        for threads in (reading, working):
            threads.close()
        await asyncio.to_thread(worker.close)
        await asyncio.to_thread(store.close)
        if log is not None:
            log.flush()
        on_end()

    telemetry = RequestTelemetry(metrics, log)
    reading = BoundedThreads("read", threads=_READERS, most_waiting=_MOST_WAITING)
    working = BoundedThreads("work", threads=_WORKERS, most_waiting=_MOST_WAITING)
    routes = api_routes()
    app = Starlette(
        routes=[*routes, *page_routes, *openapi_routes(routes)],
        middleware=[Middleware(RequestMiddleware, keys=keys, shutdown=shutdown, telemetry=telemetry)],
        exception_handlers={RequestError: answer_error, HTTPException: answer_error},
        lifespan=run,
    )
    # A path has one spelling.
    app.router.redirect_slashes = False
    app.state.server = ServerState(
        settings,
        clock,
        store,
        live,
        access=_access(settings, keys, clock, secret),
        display=store.keep_display(settings.display),
        metrics=metrics,
        staleness=staleness,
        log=log,
        shutdown=shutdown,
        score_lead=MicroBatcher(score_each).submit,
        hooks=HookReception(hook_setup, worker),
        score_stored=_stored_scorer(store, reading, seconds=settings.database_seconds),
        reading=reading,
        working=working,
    )
    return app


def api_routes() -> list[BaseRoute]:
    """Lists the routes of the API in the order of matching; those of the page are not part of it."""
    routers = (
        *(score.router, model.router, operations.router),
        *(
            lead_scores.part_router,
            leads.part_router,
            lead_scores.router,
            leads.router,
            intake.router,
            lists.router,
            tracking.router,
            hooks.router,
        ),
    )
    listed = [route for router in routers for route in router.routes]
    return sorted(listed, key=lambda route: getattr(route, "path", "") not in _BUSIEST)


def _stored_scorer(
    store: Store, threads: BoundedThreads, *, seconds: float
) -> AsyncHandler[StoredLeadRequest, tuple[JsonObject, Evidence]]:
    """Scores stored leads: from a file several in one transaction; in a thread what is long or far away."""

    def score_quickly(
        requests: Sequence[StoredLeadRequest],
    ) -> Sequence[tuple[JsonObject, Evidence] | Exception]:
        return store.read_quickly(partial(score_stored_leads, requests=requests))

    batcher = MicroBatcher(score_quickly)

    async def score(request: StoredLeadRequest) -> tuple[JsonObject, Evidence]:
        if not store.is_remote:
            with suppress(ReadTooLongError):
                return await batcher.submit(request)
        read = partial(store.read, partial(score_stored_leads, requests=[request]))
        (reply,) = await threads.run(read, seconds=seconds)
        if isinstance(reply, Exception):
            raise reply
        return reply

    return score


def _access(settings: ServerSettings, keys: LiveKeys, clock: Clock, secret: Secret) -> Access:
    limits = Limits(
        settings.requests_per_second,
        settings.leads_per_second,
        settings.bytes_per_second,
        settings.failed_keys_per_minute,
    )
    failures = RateLimits(burst_seconds=60.0)
    return Access(keys, RateLimits(), failures, clock, secret.signing, limits)


def open_store(settings: ServerSettings, clock: Clock) -> tuple[Store, LiveKeys]:
    """Opens the database and reads its keys; without keys the address must be a loopback one."""
    limits = DatabaseLimits(
        settings.database_seconds,
        settings.statement_seconds,
        settings.connect_seconds,
        settings.waiting_writes,
    )
    store = Store(settings.store_url, clock=clock, secret_file=settings.secret_path, limits=limits)
    try:
        keys = LiveKeys(store, valid_seconds=settings.keys_valid_seconds)
        if keys.is_keyless:
            check_keyless_host(settings.host)
    except BaseException:
        store.close()
        raise
    return store, keys
