"""Which scope of a key each route needs.

`/livez` and `/readyz` are open because a process monitor holds no secrets, and so is `/openapi.json`, which
says nothing that is not published; the documents for CRMs name the attributes that the model reads.
`/metrics` is not open either: the number of leads, and what becomes of them, is confidential. Its scope opens
nothing but these figures, so a key in the configuration of Prometheus opens no lead.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from serving.keys.keys import Scope

# The page itself holds no data: it gets all of it from the API, which needs a key or a session.
PAGE: Final = frozenset({"/", "/web/{name}", "/session"})
# The key of a web hook is the token in its address; `Access.admit_hook` reads it.
HOOKS: Final = "/v1/hooks/{crm}/{token}"
OPEN: Final = frozenset({"/livez", "/readyz", "/openapi.json", HOOKS}) | PAGE
# The addresses that tracking libraries know. Only here a key may be the user name of Basic, as they send it.
TRACKING: Final = frozenset(
    f"/v1/{call}" for call in ("batch", "import", "track", "identify", "page", "screen", "alias", "group")
)

_SCOPES: Final[Mapping[tuple[str, str], Scope]] = {
    ("POST", "/v1/score"): "score",
    ("POST", "/v1/score/batch"): "score",
    ("GET", "/v1/model"): "score",
    ("GET", "/v1/model/terms"): "score",
    ("GET", "/v1/model/versions"): "score",
    ("GET", "/v1/model/monitor"): "score",
    ("GET", "/v1/leads"): "score",
    ("GET", "/v1/leads/{lead_id:path}"): "score",
    ("GET", "/v1/leads/{lead_id:path}/score"): "score",
    ("GET", "/v1/leads/{lead_id:path}/life"): "score",
    ("POST", "/v1/leads/scores"): "score",
    ("GET", "/v1/scores"): "score",
    ("GET", "/v1/scores/events"): "score",
    ("GET", "/v1/health"): "score",
    ("GET", "/openapi-salesforce.json"): "score",
    ("GET", "/openapi-power-platform.json"): "score",
    ("PUT", "/v1/leads/{lead_id:path}"): "write",
    ("PATCH", "/v1/leads/{lead_id:path}"): "write",
    ("POST", "/v1/leads"): "write",
    ("POST", "/v1/interactions"): "write",
    ("POST", "/v1/outcomes"): "write",
    ("POST", "/v1/aliases"): "write",
    ("DELETE", "/v1/leads/{lead_id:path}"): "admin",
    ("GET", "/v1/quarantine"): "admin",
    ("GET", "/metrics"): "metrics",
    **{("POST", path): "write" for path in TRACKING},
}
WRITE_SCOPE: Final[Scope] = "write"


def scope_of(method: str, path: str) -> Scope | None:
    """Finds the scope that a key needs for a route; None for an open route.

    A route that is missing in the table needs `admin`: forgetting one opens nothing.

    >>> scope_of("POST", "/v1/score"), scope_of("GET", "/livez"), scope_of("POST", "/forgotten")
    ('score', None, 'admin')
    """
    return None if path in OPEN else _SCOPES.get((method, path), "admin")


def has_scope_of_its_own(method: str, path: str) -> bool:
    """Whether the route stands in the table."""
    return path in OPEN or (method, path) in _SCOPES
