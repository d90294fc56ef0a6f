"""How OpenAPI describes responses that have a tag, and are left out for a caller who has them already."""

from __future__ import annotations

from typing import Any, Final

CONDITIONAL: Final[dict[str, Any]] = {
    "parameters": [
        {
            "name": "If-None-Match",
            "in": "header",
            "required": False,
            "schema": {"type": "string"},
            "description": "The ETag of an earlier response: 304 without a body where nothing has changed.",
        }
    ]
}


def not_modified() -> dict[int | str, dict[str, Any]]:
    """Describes the response to a caller who has the content already."""
    return {304: {"description": "Nothing has changed since the response with this ETag."}}
