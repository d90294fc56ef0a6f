"""The files of the page: read once from the package, and sent with headers that allow no other origin."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

INDEX: Final = "index.html"

_MEDIA_TYPES: Final = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
_RULES: Final = "; ".join(
    (
        "default-src 'none'",
        *(f"{kind}-src 'self'" for kind in ("script", "style", "img", "connect")),
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
_HEADERS: Final = {
    "Content-Security-Policy": _RULES,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    # Browsers ask each time, and get 304 while the file is unchanged.
    "Cache-Control": "no-cache",
}


@dataclass(frozen=True, slots=True)
class PageFile:
    """One file of the page.

    Attributes:
        content: bytes of the response.
        media_type: by the extension of the name.
        etag: hash of the content.
    """

    content: bytes
    media_type: str
    etag: str


def read_page_files() -> Mapping[str, PageFile]:
    """Reads all files of the page, by name."""
    page_files = {}
    for resource in files("serving.page").joinpath("web").iterdir():
        extension = resource.name.rpartition(".")[2]
        if extension in _MEDIA_TYPES:
            content = resource.read_bytes()
            etag = f'"{hashlib.sha256(content).hexdigest()[:24]}"'
            page_files[resource.name] = PageFile(content, _MEDIA_TYPES[extension], etag)
    return page_files


def file_response(request: Request, file: PageFile) -> Response:
    """Responds with a file, or with 304 if the browser has it."""
    headers = {**_HEADERS, "ETag": file.etag}
    known = request.headers.get("if-none-match", "")
    if file.etag in (tag.strip().removeprefix("W/") for tag in known.split(",")):
        return Response(status_code=304, headers=headers)
    return Response(file.content, headers=headers, media_type=file.media_type)
