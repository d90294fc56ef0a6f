"""The route that web hooks of CRMs call: the body is stored as it came and acknowledged, then mapped."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Path, Request
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import Receive, Send
from starlette.types import Scope as Connection

from serving.access_errors import SignatureError, UnknownCrmError
from serving.hooks.map_format import CRMS
from serving.hooks.records import key_of
from serving.hooks.signatures import SentHook, is_genuine
from serving.http.auth import charge
from serving.http.body import LARGE_BYTES, read_raw_body
from serving.http.openapi.intake_answers import HookAnswer
from serving.http.openapi.problem_answers import problem_responses
from serving.http.responses import await_write, response_with_id
from serving.http.route_scopes import HOOKS
from serving.http.state import server_of
from serving.intake.hook_bodies import HookBody, keep_body
from serving.keys.keys import HOOK, SCOPES

_PREFIX: Final = HOOKS.partition("{")[0]
_METHOD: Final = "POST"
_MOST_HEADER: Final = 500
_US_PER_MS: Final = 1_000

Crm = Annotated[
    Literal["odoo", "pipedrive", "espocrm", "zoho", "hubspot"], Path(description="Which CRM sends.")
]
Token = Annotated[str, Path(description="A key whose one scope is hook: and the CRM.")]


class HookRoute(APIRoute):
    """A route whose key stands in its address; no reader of bodies, queries or headers is in its way."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        options["description"] = inspect.cleandoc(endpoint.__doc__ or "")
        super().__init__(path, endpoint, **options)

    def matches(self, scope: Connection) -> tuple[Match, Connection]:
        """Takes every address of two parts below the prefix."""
        path = scope.get("path", "")
        parts = path.removeprefix(_PREFIX).split("/")
        if scope["type"] != "http" or not path.startswith(_PREFIX) or len(parts) != 2 or not all(parts):
            return Match.NONE, {}
        match = Match.FULL if scope["method"] == _METHOD else Match.PARTIAL
        crm, token = parts
        return match, {"endpoint": self.endpoint, "path_params": {"crm": crm, "token": token}, "route": self}

    async def handle(self, scope: Connection, receive: Receive, send: Send) -> None:
        """Responds to a request whose address matches, as Starlette's router calls a route."""
        if scope["method"] != _METHOD:
            raise HTTPException(405, headers={"Allow": _METHOD})
        request = Request(scope, receive, send)
        response: Response = await self.endpoint(request, **scope["path_params"])
        await response(scope, receive, send)


router = APIRouter(route_class=HookRoute)


@router.post(
    HOOKS,
    operation_id="hook",
    summary="Take a web hook of a CRM",
    response_model=HookAnswer,
    response_description="The body is stored, and mapped from now on.",
    responses=problem_responses(401, 403, 404, 408, 413, 421, 429, 500, 503),
)
async def take_hook(request: Request, crm: Crm, token: Token) -> Response:
    """Stores the body as it came, acknowledges it, and maps it into leads, interactions and outcomes.

    What cannot be mapped is no error of the request: it is kept in quarantine. The same again, by its event
    or its whole body, is stored once. The token in the address is a key with the one scope `hook:` and the
    name of the CRM; EspoCRM, HubSpot and, where it has a password, Pipedrive are checked by what they sign.
    """
    if crm not in CRMS:
        raise UnknownCrmError
    server, scope = server_of(request), request.scope
    needed = next(known for known in SCOPES if known == f"{HOOK}{crm}")
    server.access.admit_hook(scope, token.encode(), needed)
    body = await read_raw_body(request)
    charge(scope, sent_bytes=len(body))
    query = scope["query_string"].decode("latin-1")
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    address = scope["raw_path"].decode("latin-1") + (f"?{query}" if query else "")
    sent = SentHook(headers, address, body, server.clock() // _US_PER_MS)
    if not is_genuine(crm, server.hooks.setup.crm(crm), sent):
        raise SignatureError
    content_type = headers.get("content-type", "")[:_MOST_HEADER]
    make_key = partial(key_of, crm, body, content_type, query)
    key = await server.working.run(make_key) if len(body) > LARGE_BYTES else make_key()
    kept = HookBody(key, crm, query, content_type, body)
    # Odoo waits one second.
    keeping = server.store.write(partial(keep_body, body=kept), is_urgent=True)
    is_new = await await_write(request, keeping)
    if is_new:
        server.hooks.worker.notify()
    return response_with_id(request, {"status": "stored" if is_new else "duplicate"})
