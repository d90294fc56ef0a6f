"""The state that all routes of one server share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from starlette.requests import Request

from serving.clock import Clock
from serving.hooks.worker import HookReception
from serving.http.auth import Access
from serving.http.logs import RequestLog
from serving.http.metrics import Metrics
from serving.http.shutdown import GracefulShutdown
from serving.http.threads import BoundedThreads
from serving.scoring.json_rows import JsonObject
from serving.scoring.lead_requests import LeadRequest
from serving.scoring.live_model import LiveModel
from serving.scoring.microbatch import AsyncHandler
from serving.settings import ServerSettings
from serving.store.records import Evidence
from serving.store.store import Store
from serving.stored_leads.live_staleness import LiveStaleness
from serving.stored_leads.score_lead import StoredLeadRequest


@dataclass(slots=True)
class ServerState:
    """The parts of a running server.

    Attributes:
        settings: of the server.
        clock: gives moments of receipt, and of predictions for stored leads.
        store: leads, interactions, outcomes and scores.
        live: the model in use.
        access: decides whether a request may pass.
        display: names of the attributes that the list shows.
        metrics: counters for Prometheus.
        staleness: how far the current scores are behind.
        log: writes one line per request; None where requests are not logged.
        shutdown: whether the server is stopping.
        hooks: what web hooks need beside their tokens, and the thread that maps their bodies.
        reading: threads that read the store.
        working: threads for other work that would hold the event loop.
        in_progress: hashes of the Idempotency-Keys of requests that are not answered yet.
        score_lead: scores a lead sent in a request.
        score_stored: scores a stored lead; also returns what it read for that.
    """

    settings: ServerSettings
    clock: Clock
    store: Store
    live: LiveModel
    access: Access
    display: Sequence[str]
    metrics: Metrics
    staleness: LiveStaleness
    log: RequestLog | None
    shutdown: GracefulShutdown
    score_lead: AsyncHandler[LeadRequest, JsonObject]
    score_stored: AsyncHandler[StoredLeadRequest, tuple[JsonObject, Evidence]]
    hooks: HookReception
    reading: BoundedThreads
    working: BoundedThreads
    in_progress: set[bytes] = field(default_factory=set)

    @property
    def shown(self) -> list[str]:
        """Names of the attributes that the list shows: none that the model in use protects."""
        return self.live.predictor.unprotected(self.display)


def server_of(request: Request) -> ServerState:
    """Returns the server that received a request."""
    server: ServerState = request.scope["app"].state.server
    return server
