"""The page of routes: the scope, parameters, bodies, limits and problems of each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from docs.pages.tables import code, table
from serving.app import api_routes
from serving.http.openapi.document import describe
from serving.http.route_scopes import HOOKS, scope_of

_HEAD: Final = """# Routes

Bodies are JSON, with the names of [the columns](columns.md). Problems are `application/problem+json`
(RFC 9457) with `code`, `request_id` and `errors`, which name path and rule and never the value sent. A server
with keys requires one, as `X-API-Key` or as `Authorization: Bearer`; the scope `admin` includes all others. A
body may be packed by gzip. Percent-encode `{lead_id}` where it has other characters than letters and digits.
A running server returns this description, with examples, at `/openapi.json`.

"""
_PAGE_HEAD: Final = """
`/` is the page for people, with its files below `/web/` and its sign-in at `/session`; it calls the routes
above.

"""
_PROBLEMS: Final = """## Problems

The meaning of each status, for all routes. `code` is a stable short name; with 429 and 503,
`retry_after_seconds` says when to send the same request again.

"""
_BODIES: Final = """## Bodies

Fields of request and response bodies.
"""
_METHODS: Final = ("get", "post", "put", "patch", "delete")


def routes_page() -> str:
    """Lists every route with scope, parameters, bodies and problems, as Markdown."""
    described = describe(api_routes())
    operations = list(_operations(described))
    overview = table(["route", "scope", "does"], (_overview_row(*operation) for operation in operations))
    schemas: Mapping[str, Any] = described["components"]["schemas"]
    named = sorted({name for *_, operation in operations for name in _named(operation)} & {*schemas})
    bodies = (_body_section(name, schemas) for name in _reachable(named, schemas))
    sections = (_section(*operation) for operation in operations)
    problems = table(["status", "when"], _problem_rows(operations))
    return "\n".join([_HEAD + overview + _PAGE_HEAD, *sections, _PROBLEMS + problems, _BODIES, *bodies])


def _operations(described: Mapping[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in described["paths"].items():
        for method in _METHODS:
            if method in methods:
                yield method.upper(), path, methods[method]


def _problem_rows(operations: list[tuple[str, str, dict[str, Any]]]) -> list[tuple[str, str]]:
    """Lists the problems of all routes, recognised by their media type."""
    meanings = {
        status: response["description"]
        for *_, operation in operations
        for status, response in operation["responses"].items()
        if "application/problem+json" in response.get("content", {})
    }
    return sorted(meanings.items())


def _scope(method: str, path: str) -> str:
    # Paths in OpenAPI have no converters, those in the table of scopes do.
    needed = scope_of(method, path.replace("{lead_id}", "{lead_id:path}"))
    if path == HOOKS:
        return f"{code('hook:')} and the CRM, in the address"
    return "none needed" if needed is None else code(needed)


def _overview_row(method: str, path: str, operation: Mapping[str, Any]) -> tuple[str, str, str]:
    return (
        f"[{code(f'{method} {path}')}](#{_anchor(method, path)})",
        _scope(method, path),
        operation["summary"],
    )


def _anchor(method: str, path: str) -> str:
    """The anchor that GitHub gives to the heading of a route."""
    kept = (char for char in f"{method} {path}".lower() if char.isalnum() or char in "_- ")
    return "".join(kept).replace(" ", "-")


def _section(method: str, path: str, operation: Mapping[str, Any]) -> str:
    response = operation["responses"]["200"]
    problems = ", ".join(sorted(status for status in operation["responses"] if status != "200"))
    lines = [f"### {method} {path}\n", f"{_sentence(operation['summary'])} Scope: {_scope(method, path)}.\n"]
    if parameters := [_parameter_row(parameter) for parameter in operation.get("parameters", [])]:
        lines.append(table(["parameter", "in", "takes", "is"], parameters))
    if "requestBody" in operation:
        lines.append(f"Takes {_links(operation['requestBody'])}.\n")
    returned = f"{_links(response)}: {response['description']}".removeprefix(": ")
    lines.append(f"Returns 200, {returned} [Problems](#problems): {problems}.\n")
    return "\n".join(lines)


def _sentence(summary: str) -> str:
    return summary if summary.endswith("?") else f"{summary}."


def _parameter_row(parameter: Mapping[str, Any]) -> tuple[str, str, str, str]:
    name = f"{parameter['name']} (needed)" if parameter.get("required") else parameter["name"]
    schema = parameter["schema"]
    default = f"; default {code(str(schema['default']))}" if "default" in schema else ""
    return code(name), parameter["in"], _type(schema) + default, parameter.get("description", "")


def _links(part: Any) -> str:
    return " or ".join(_link(name) for name in _named(part))


def _link(name: str) -> str:
    return f"[{name}](#{name.lower()})"


def _named(part: Any) -> list[str]:
    """Names of the schemas that a part of the document refers to, without Problem."""
    if isinstance(part, dict):
        own = [part["$ref"].rpartition("/")[2]] if "$ref" in part else []
        return [name for name in own if name != "Problem"] + [
            name for key, value in part.items() if key != "$ref" for name in _named(value)
        ]
    return [name for item in part for name in _named(item)] if isinstance(part, list) else []


def _reachable(names: list[str], schemas: Mapping[str, Any]) -> list[str]:
    """Adds the schemas that the named ones refer to, and Problem."""
    found, waiting = {"Problem"}, [*names]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting.extend(_named(schemas[name]))
    return sorted(found)


def _body_section(schema_name: str, schemas: Mapping[str, Any]) -> str:
    schema = schemas[schema_name]
    needed = schema.get("required", [])
    rows = [
        (code(name), _type(field), "yes" if name in needed else "", field.get("description", ""))
        for name, field in schema.get("properties", {}).items()
    ]
    head = f"### {schema_name}\n\n{' '.join(schema.get('description', '').split())}\n"
    return head + ("\n" + table(["field", "type", "always", "is"], rows) if rows else "")


def _type(schema: Mapping[str, Any]) -> str:
    """Writes the type of a field, with a link if it is a schema of this page."""
    if "$ref" in schema:
        return _link(schema["$ref"].rpartition("/")[2])
    if alternatives := schema.get("anyOf") or schema.get("oneOf"):
        return " or ".join(dict.fromkeys(_type(alternative) for alternative in alternatives))
    if "enum" in schema:
        return " or ".join(code(str(word)) for word in schema["enum"])
    if "const" in schema:
        return code(str(schema["const"]))
    if schema.get("type") == "array":
        inner = _type(schema.get("items", {}))
        return f"list of {inner}" if inner else "list"
    return _with_bounds(schema)


def _with_bounds(schema: Mapping[str, Any]) -> str:
    words = {
        "minimum": "at least {}",
        "exclusiveMinimum": "above {}",
        "maximum": "at most {}",
        "maxLength": "at most {} characters",
    }
    kind = "time" if schema.get("format") == "date-time" else str(schema.get("type", ""))
    bounds = [text.format(f"{schema[key]:,g}") for key, text in words.items() if key in schema]
    return ", ".join([kind, *bounds]) if kind else ""
