"""The page at /, its files, and its sign-in; they are not part of the API, so OpenAPI leaves them out."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, StringConstraints
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from features.times import US_PER_SECOND, format_time
from serving.access_errors import ScopeError, SessionEndedError
from serving.bodies.score_bodies import check_body
from serving.bodies.strict_json import parse_json
from serving.http.auth import check_origin
from serving.http.body import read_body
from serving.http.responses import await_write, json_response
from serving.http.route_scopes import WRITE_SCOPE
from serving.http.state import server_of
from serving.keys.sessions import COOKIE, SESSION_SCOPE, Session, end_session, open_session
from serving.page.assets import INDEX, file_response, read_page_files
from serving.scoring.json_rows import JsonObject

_FILES: Final = read_page_files()
_NOT_KEPT: Final = {"Cache-Control": "no-store"}


class SignInBody(BaseModel):
    """The body of POST /session."""

    model_config = ConfigDict(strict=True, extra="forbid")

    key: Annotated[str, StringConstraints(min_length=1, max_length=200)]


async def page(request: Request) -> Response:
    """Returns the page."""
    return file_response(request, _FILES[INDEX])


async def page_file(request: Request) -> Response:
    """Returns a file of the page."""
    file = _FILES.get(request.path_params["name"])
    if file is None:
        raise HTTPException(404)
    return file_response(request, file)


async def session(request: Request) -> Response:
    """Returns whether the page needs a key, and whether this browser is signed in."""
    return _session_response(request, _session_of(request))


async def sign_in(request: Request) -> Response:
    """Opens a session for a key."""
    body = check_body(SignInBody, parse_json(await read_body(request)))
    access = server_of(request).access
    if access.keys.is_keyless:
        return _session_response(request, None)
    now = access.clock()
    key = access.find_key(request.scope, body.key.strip().encode())
    if not key.allows(SESSION_SCOPE):
        raise ScopeError(needed=SESSION_SCOPE)
    opened = open_session(key, secret=access.secret, now=now)
    response = _session_response(request, opened)
    seconds = (opened.expires_at - now) // US_PER_SECOND
    _set_cookie(request, response, opened.cookie, seconds=seconds)
    return response


async def sign_out(request: Request) -> Response:
    """Ends the session, so that a copy of its cookie is worth nothing, either."""
    current = _session_of(request)
    if current is not None:
        check_origin(request)
        server = server_of(request)
        await await_write(request, server.store.write(partial(end_session, session=current)))
        server.access.keys.end(current)
    response = _session_response(request, None)
    _set_cookie(request, response, "", seconds=0)
    return response


routes: Final = (
    Route("/", page, methods=["GET"]),
    Route("/web/{name}", page_file, methods=["GET"]),
    Route("/session", session, methods=["GET"]),
    Route("/session", sign_in, methods=["POST"]),
    Route("/session", sign_out, methods=["DELETE"]),
)


def _session_of(request: Request) -> Session | None:
    access = server_of(request).access
    cookie = request.cookies.get(COOKIE)
    if cookie is None or access.keys.is_keyless:
        return None
    try:
        return access.find_session(cookie)
    except SessionEndedError:
        return None


def _session_response(request: Request, current: Session | None) -> Response:
    access = server_of(request).access
    content: JsonObject = {
        "needs_key": not access.keys.is_keyless,
        "signed_in": current is not None,
        "name": current and current.key.name,
        "can_write": access.keys.is_keyless or (current is not None and current.key.allows(WRITE_SCOPE)),
        "expires_at": current and format_time(current.expires_at),
        "request_id": request.state.request_id,
    }
    return json_response(content, headers=_NOT_KEPT)


def _set_cookie(request: Request, response: Response, cookie: str, *, seconds: int) -> None:
    response.set_cookie(
        COOKIE,
        cookie,
        max_age=seconds,
        path="/",
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="strict",
    )
