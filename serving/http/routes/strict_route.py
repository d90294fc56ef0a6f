"""A route that FastAPI describes from its signature, while requests are read by stricter rules.

FastAPI's own reader accepts duplicate keys and NaN, and takes longer. Here the key is checked first, then
path, query and body are read, in this order; every fault names its place. The function of the route returns
the response itself.

Source: https://fastapi.tiangolo.com/how-to/custom-request-and-route/.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, get_args

from fastapi import Request, Response, Security, params
from fastapi.routing import APIRoute
from fastapi.security import APIKeyHeader, HTTPBasic, HTTPBearer
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.routing import Match
from starlette.types import Receive, Send
from starlette.types import Scope as Connection

from serving.bodies.score_bodies import DescribedAs, check_body
from serving.bodies.strict_json import parse_json
from serving.http.body import BODY, LARGE_BYTES, read_body
from serving.http.openapi.problem_answers import problem_responses
from serving.http.queries import ends_in, is_part_of_lead, read_lead_id, read_query
from serving.http.route_scopes import TRACKING, scope_of
from serving.http.state import server_of

# These only describe where a key is sent; `Access` reads it, in one pass over the headers.
_KEYS: Final = [
    Security(APIKeyHeader(name="X-API-Key", scheme_name="apiKey")),
    Security(HTTPBearer(scheme_name="bearer")),
]
# The only part of a path that differs; `read_lead_id` reads it from the path as it was sent.
LEAD_ID_IN_PATH: Final = "{lead_id:path}"
_BASIC: Final = Security(HTTPBasic(scheme_name="basic"))
# Statuses of the problems of every route, and of routes with a key, with parameters, with a body.
_ALWAYS: Final = (421, 500)
_WITH_KEY: Final = (401, 403, 429, 503)
# A query, or ids in an address, may be longer than the head of a request.
_WITH_PARAMETERS: Final = (422, 431)
_WITH_BODY: Final = (400, 408, 413, 415, 422)


class StrictRoute(APIRoute):
    """A route that checks the key, reads its inputs strictly, and passes them to its function.

    The function takes the request and, if it declares them, `lead_id`, a model of the query, and a model of
    the body; a body declared without a model is passed as parsed. FastAPI's dependencies are not run.

    Attributes:
        needed: scope that a key needs; None for an open route.

    Raises:
        TypeError: the function has another kind of input, or the route has dependencies.
    """

    def __init__(
        self, path: str, endpoint: Callable[..., Any], *, methods: list[str], **options: Any
    ) -> None:
        (self._method,) = methods
        self._methods = ("GET", "HEAD") if self._method == "GET" else (self._method,)
        self.needed = scope_of(self._method, path)
        self._inputs = _Inputs(endpoint)
        if options["dependencies"]:
            raise TypeError(
                f"{path}: a strict route runs no dependencies; declare its scope in http/route_scopes.py."
            )
        options["description"] = inspect.cleandoc(endpoint.__doc__ or "")
        statuses = {*_ALWAYS, *self._inputs.statuses}
        if self.needed is not None:
            options["description"] += f"\n\nScope of the key: `{self.needed}`."
            options["dependencies"] = [*_KEYS, _BASIC] if path in TRACKING else _KEYS
            # The last alternative: a server without keys requires none.
            options["openapi_extra"] = {**(options["openapi_extra"] or {}), "security": [{}]}
            statuses.update(_WITH_KEY)
        options["responses"] = {**problem_responses(*sorted(statuses)), **(options["responses"] or {})}
        super().__init__(path, endpoint, methods=methods, **options)
        self._before, self._lead_id, self._after = path.partition(LEAD_ID_IN_PATH)

    def matches(self, scope: Connection) -> tuple[Match, Connection]:
        """Compares the path, in a fifth of the time of a pattern: all routes but the last are tried in vain.

        HEAD is taken where GET is: the protocol leaves the body of the response out.
        """
        path = scope.get("path", "")
        if not self._lead_id:
            is_ours = path == self._before
        else:
            ends = path.startswith(self._before) and path.endswith(self._after)
            is_ours = ends and len(path) >= len(self._before) + len(self._after)
            # The address of a part of a lead is no lead, whatever the method.
            is_ours = is_ours and bool(self._after or not is_part_of_lead(scope))
        if not is_ours or scope["type"] != "http":
            return Match.NONE, {}
        match = Match.FULL if scope["method"] in self._methods else Match.PARTIAL
        return match, {"endpoint": self.endpoint, "path_params": {}, "route": self}

    async def handle(self, scope: Connection, receive: Receive, send: Send) -> None:
        """Responds to a request whose path matches, as Starlette's router calls a route."""
        if scope["method"] not in self._methods:
            raise HTTPException(405, headers={"Allow": ", ".join(self._all_methods(scope))})
        request, inputs = Request(scope, receive, send), self._inputs
        if self.needed is not None:
            server_of(request).access.admit(scope, self.needed)
        arguments = {name: read(request) for name, read in inputs.readers.items()}
        if inputs.body is not None:
            scope["state"][BODY] = sent = await read_body(request)
            parse = partial(inputs.body.parse, sent)
            is_large = len(sent) > LARGE_BYTES
            arguments[inputs.body.name] = await server_of(request).working.run(parse) if is_large else parse()
        response: Response = await self.endpoint(**arguments)
        await response(scope, receive, send)

    def _all_methods(self, scope: Connection) -> list[str]:
        """Lists the methods of all routes with this path."""
        routes = [route for route in scope["router"].routes if isinstance(route, StrictRoute)]
        return sorted({method for route in routes if route.path == self.path for method in route._methods})


class LeadPartRoute(StrictRoute):
    """A route like /v1/leads/{id}/score, which leaves ids that end in /score to the route of a lead.

    A slash inside an id is sent as %2F: `/v1/leads/a%2Fscore` is the lead `a/score`.
    """

    def matches(self, scope: Connection) -> tuple[Match, Connection]:
        """Compares the path as sent too, because the decoded one does not tell the two apart."""
        match, child_scope = super().matches(scope)
        if match is not Match.NONE and not ends_in(scope, self.path.rpartition("/")[2]):
            return Match.NONE, {}
        return match, child_scope


@dataclass(frozen=True, slots=True)
class _Body:
    """The argument that takes the body.

    Attributes:
        name: of the argument.
        check: of the parsed body.
        item_lists: names of the lists in it whose items are judged each by itself.
        is_item: whether it is judged as an item, and its function takes a `FaultyItem`.
    """

    name: str
    check: Callable[[object], object]
    item_lists: tuple[str, ...]
    is_item: bool

    def parse(self, sent: bytes) -> object:
        """Parses and checks a body."""
        return self.check(parse_json(sent, item_lists=self.item_lists, is_item=self.is_item))


class _Inputs:
    """How to read the arguments of a route's function, by its signature.

    Attributes:
        readers: one per argument other than the body, by name.
        body: None for a route without one.
        statuses: of the problems that reading may raise.
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
            self.statuses.update(_WITH_PARAMETERS)
        elif any(isinstance(mark, params.Query) for mark in marks):
            self.readers[name] = partial(read_query, kind)
            self.statuses.update(_WITH_PARAMETERS)
        elif self.body is not None or any(isinstance(mark, params.Param | params.Depends) for mark in marks):
            raise TypeError(f"A strict route takes request, path, query and one body; not {name}.")
        else:
            is_model = isinstance(kind, type) and issubclass(kind, BaseModel)
            shapes = [kind] if is_model else _described(marks)
            item_lists = tuple(list_ for shape in shapes for list_ in getattr(shape, "ITEM_LISTS", ()))
            is_item = any(getattr(shape, "IS_ITEM", False) for shape in shapes)
            check = partial(check_body, kind) if is_model else _itself
            self.body = _Body(name, check, item_lists, is_item)
            self.statuses.update(_WITH_BODY)


def _described(marks: Sequence[object]) -> list[object]:
    """Lists the models that a body without a model of its own is described by."""
    shapes = (mark.shape for mark in marks if isinstance(mark, DescribedAs))
    return [model for shape in shapes for model in get_args(shape) or (shape,)]


def _itself(value: object) -> object:
    return value
