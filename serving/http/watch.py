"""What is noted of every request once it was answered: a figure and a line of the log."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final

from starlette.types import Scope

from features.times import format_time
from serving.http.logs import RequestLog
from serving.http.metrics import Metrics

# Asked every few seconds by machines; their successes would bury everything else.
_PROBES: Final = frozenset({"/livez", "/readyz", "/metrics"})
_NO_ROUTE: Final = "none"
_METHODS: Final = frozenset({"GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH"})


@dataclass(frozen=True, slots=True)
class Watch:
    """Where requests are noted.

    Attributes:
        metrics: counts them.
        log: tells of them; None where they are only counted.
    """

    metrics: Metrics
    log: RequestLog | None

    def tell_request(self, scope: Scope, status: int, seconds: float) -> None:
        """Notes one request.

        Args:
            scope: of the request, after it went through the routes.
            status: that was answered; 0 where nobody waited for the answer.
            seconds: that it took.
        """
        # The path of the route: that of the request may hold an id, and there would be no end of them.
        route = getattr(scope.get("route"), "path", _NO_ROUTE)
        method = scope["method"] if scope["method"] in _METHODS else "other"
        self.metrics.count_request(method, route, status, seconds)
        if self.log is None or (route in _PROBES and status == 200):
            return
        state = scope["state"]
        self.log.add(
            {
                "time": format_time(time.time_ns() // 1000),
                "level": "info" if status < 500 else "error",
                "logger": "leadodds.requests",
                "message": "request",
                "request_id": state["request_id"],
                "method": method,
                "route": route,
                "status": status,
                "milliseconds": round(seconds * 1000, 3),
                "key": state.get("key"),
            }
        )
