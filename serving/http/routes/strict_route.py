"""A route that FastAPI describes from its signature, and that reads requests by rules of our own.

FastAPI's own reading takes the last of two equal keys, NaN and wrong types, and costs more. Here a key is
checked first, then path, query and body are read in this order, each fault with its place, and the function
of the route writes the response itself.
Source: https://fastapi.tiangolo.com/how-to/custom-request-and-route/.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, get_args

from fastapi import Request, Response, Security, params
from fastapi.routing import APIRoute
from fastapi.security import APIKeyHeader, HTTPBearer
from pydantic import BaseModel
from starlette.routing import Match
from starlette.types import Scope as Connection

from serving.bodies.score_bodies import check_body
from serving.bodies.strict_json import parse_json
from serving.http.auth import scope_of
from serving.http.body import read_body
from serving.http.openapi.problem_answers import problem_responses
from serving.http.queries import ends_in, read_lead_id, read_query
from serving.http.state import server_of

Handler = Callable[[Request], Coroutine[Any, Any, Response]]

# They only describe where a key is sent: `Access` reads it, in one pass over the headers.
_KEYS: Final = [
    Security(APIKeyHeader(name="X-API-Key", scheme_name="apiKey")),
    Security(HTTPBearer(scheme_name="bearer")),
]
_OF_ALL: Final = (421, 500)
_OF_KEYS: Final = (401, 403, 429, 503)
_OF_ADDRESSES: Final = (422,)
_OF_BODIES: Final = (400, 408, 413, 415, 422)


class StrictRoute(APIRoute):
    """A route behind its key, with strict reading.

    Its function takes the request and, as declared, `lead_id`, a model of the query and a model of the body;
    a body without a model is handed over as parsed.

    Attributes:
        needed: scope that a key needs; None for an open route.
    """

    def __init__(
        self, path: str, endpoint: Callable[..., Any], *, methods: list[str], **options: Any
    ) -> None:
        (method,) = methods
        self.needed = scope_of(method, path)
        self._inputs = _Inputs(endpoint)
        options["description"] = inspect.cleandoc(endpoint.__doc__ or "")
        statuses = {*_OF_ALL, *self._inputs.statuses}
        if self.needed is not None:
            options["description"] += f"\n\nScope of the key: `{self.needed}`."
            options["dependencies"] = _KEYS
            # The last alternative: a server without keys needs none.
            options["openapi_extra"] = {**(options["openapi_extra"] or {}), "security": [{}]}
            statuses.update(_OF_KEYS)
        options["responses"] = {**problem_responses(*sorted(statuses)), **(options["responses"] or {})}
        super().__init__(path, endpoint, methods=methods, **options)

    def get_route_handler(self) -> Handler:
        """Makes what answers a request: FastAPI calls it once for each route."""
        endpoint, needed = self.endpoint, self.needed
        readers, body = self._inputs.readers, self._inputs.body

        async def answer(request: Request) -> Response:
            if needed is not None:
                server_of(request).access.admit(request.scope, needed)
            arguments = {name: read(request) for name, read in readers.items()}
            if body is not None:
                arguments[body.name] = body.check(parse_json(await read_body(request)))
            response: Response = await endpoint(**arguments)
            return response

        return answer


class LeadPartRoute(StrictRoute):
    """A route like /v1/leads/{id}/score, for paths whose last slash is one as they were sent.

    A slash inside an id is sent as %2F, so `/v1/leads/a%2Fscore` is the lead `a/score`.
    """

    def matches(self, scope: Connection) -> tuple[Match, Connection]:
        """Leaves a lead whose id ends like this route to the route of a lead."""
        match, child_scope = super().matches(scope)
        if match is not Match.NONE and not ends_in(scope, self.path.rpartition("/")[2]):
            return Match.NONE, {}
        return match, child_scope


@dataclass(frozen=True, slots=True)
class _Body:
    """The argument that is the body, and its check."""

    name: str
    check: Callable[[object], object]


class _Inputs:
    """How the arguments of a route's function are read, by its signature.

    Attributes:
        readers: of all arguments but the body, by name.
        body: None without one.
        statuses: of the problems that reading them may have.
    """

    def __init__(self, endpoint: Callable[..., Any]) -> None:
        self.readers: dict[str, Callable[[Request], object]] = {}
        self.body: _Body | None = None
        self.statuses: set[int] = set()
        for name, parameter in inspect.signature(endpoint, eval_str=True).parameters.items():
            self._add(name, parameter.annotation)

    def _add(self, name: str, annotation: Any) -> None:
        kind, *marks = get_args(annotation) or (annotation,)
        if kind is Request:
            self.readers[name] = _itself
        elif any(isinstance(mark, params.Path) for mark in marks):
            self.readers[name] = read_lead_id
            self.statuses.update(_OF_ADDRESSES)
        elif any(isinstance(mark, params.Query) for mark in marks):
            self.readers[name] = partial(read_query, kind)
            self.statuses.update(_OF_ADDRESSES)
        else:
            is_model = isinstance(kind, type) and issubclass(kind, BaseModel)
            self.body = _Body(name, partial(check_body, kind) if is_model else _itself)
            self.statuses.update(_OF_BODIES)


def _itself(value: object) -> object:
    return value
