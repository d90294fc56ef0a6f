"""The page of routes: what the server answers, to which key, with which fields, limits and problems."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from docs.pages.tables import code, table
from serving.app import api_routes
from serving.http.auth import scope_of
from serving.http.openapi.application import DescribedApp

_HEAD: Final = """# Routes

Bodies are JSON, and names in them are the names of [the columns](columns.md). Problems are
`application/problem+json` (RFC 9457) with `code`, `request_id` and `errors`, which name path and rule and
never the value sent. A server that has keys asks for one, as `X-API-Key` or as `Authorization: Bearer`; a key
with the scope `admin` is good for everything. `{lead_id}` is percent-encoded where it holds more than letters
and digits. A running server describes itself at `/openapi.json`, with examples.

"""
_PAGE_HEAD: Final = """
`/` is the page for people, with its files below `/web/` and its sign-in at `/session`; it asks the routes
above.

"""
_PROBLEMS: Final = """## Problems

What a status means, whatever the route. `code` is a short name that does not change, and 429 and 503 say in
`retry_after_seconds` when to send the same again.

"""
_BODIES: Final = """## Bodies

Fields of what is sent, and of what is answered.
"""
_METHODS: Final = ("get", "post", "put", "delete")


def routes_page() -> str:
    """Lists every route with scope, parameters, body, answer and problems, as Markdown."""
    described = description()
    operations = list(_operations(described))
    overview = table(["route", "scope", "does"], (_overview_row(*one) for one in operations))
    schemas: Mapping[str, Any] = described["components"]["schemas"]
    named = sorted({name for one in operations for name in _named(one[2])} & {*schemas})
    bodies = (_body_section(name, schemas) for name in _reachable(named, schemas))
    sections = (_section(*one) for one in operations)
    problems = table(["status", "when"], _problem_rows(operations))
    return "\n".join([_HEAD + overview + _PAGE_HEAD, *sections, _PROBLEMS + problems, _BODIES, *bodies])


def description() -> dict[str, Any]:
    """Gives what `/openapi.json` says, without a server."""
    return DescribedApp(title="LeadOdds", version="1", routes=api_routes()).openapi()


def _operations(described: Mapping[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in described["paths"].items():
        for method in _METHODS:
            if method in methods:
                yield method.upper(), path, methods[method]


def _problem_rows(operations: list[tuple[str, str, dict[str, Any]]]) -> list[tuple[str, str]]:
    """Lists the problems that any route answers with; the content of each tells that it is one."""
    meanings = {
        status: one["description"]
        for *_, operation in operations
        for status, one in operation["responses"].items()
        if "application/problem+json" in one.get("content", {})
    }
    return sorted(meanings.items())


def _scope(method: str, path: str) -> str:
    # OpenAPI knows no converter of a path, the table of scopes does.
    needed = scope_of(method, path.replace("{lead_id}", "{lead_id:path}"))
    return "none needed" if needed is None else code(needed)


def _overview_row(method: str, path: str, operation: Mapping[str, Any]) -> tuple[str, str, str]:
    return (
        f"[{code(f'{method} {path}')}](#{_anchor(method, path)})",
        _scope(method, path),
        operation["summary"],
    )


def _anchor(method: str, path: str) -> str:
    """The anchor that GitHub gives to the heading of a route."""
    kept = (sign for sign in f"{method} {path}".lower() if sign.isalnum() or sign in "_- ")
    return "".join(kept).replace(" ", "-")


def _section(method: str, path: str, operation: Mapping[str, Any]) -> str:
    answer = operation["responses"]["200"]
    problems = ", ".join(sorted(status for status in operation["responses"] if status != "200"))
    lines = [f"### {method} {path}\n", f"{_sentence(operation['summary'])} Scope: {_scope(method, path)}.\n"]
    if parameters := [_parameter_row(one) for one in operation.get("parameters", [])]:
        lines.append(table(["parameter", "in", "takes", "is"], parameters))
    if "requestBody" in operation:
        lines.append(f"Takes {_links(operation['requestBody'])}.\n")
    answered = f"{_links(answer)}: {answer['description']}".removeprefix(": ")
    lines.append(f"Answers 200, {answered} [Problems](#problems): {problems}.\n")
    return "\n".join(lines)


def _sentence(summary: str) -> str:
    return summary if summary.endswith("?") else f"{summary}."


def _parameter_row(parameter: Mapping[str, Any]) -> tuple[str, str, str, str]:
    name = f"{parameter['name']} (needed)" if parameter.get("required") else parameter["name"]
    return code(name), parameter["in"], _type(parameter["schema"]), parameter.get("description", "")


def _links(part: Any) -> str:
    return " or ".join(_link(name) for name in _named(part))


def _link(name: str) -> str:
    return f"[{name}](#{name.lower()})"


def _named(part: Any) -> list[str]:
    """Names of the schemas that a part of the description refers to, problems left out."""
    if isinstance(part, dict):
        own = [part["$ref"].rpartition("/")[2]] if "$ref" in part else []
        return [name for name in own if name != "Problem"] + [
            name for key, value in part.items() if key != "$ref" for name in _named(value)
        ]
    return [name for one in part for name in _named(one)] if isinstance(part, list) else []


def _reachable(names: list[str], schemas: Mapping[str, Any]) -> list[str]:
    """Adds the schemas that those named refer to, and the problem."""
    found, waiting = {"Problem"}, [*names]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting.extend(_named(schemas[name]))
    return sorted(found)


def _body_section(name: str, schemas: Mapping[str, Any]) -> str:
    schema = schemas[name]
    needed = schema.get("required", [])
    rows = [
        (code(field), _type(one), "yes" if field in needed else "", one.get("description", ""))
        for field, one in schema.get("properties", {}).items()
    ]
    head = f"### {name}\n\n{' '.join(schema.get('description', '').split())}\n"
    return head + ("\n" + table(["field", "type", "always", "is"], rows) if rows else "")


def _type(schema: Mapping[str, Any]) -> str:
    """Says the type of a field, with a link where it is one of ours."""
    if "$ref" in schema:
        return _link(schema["$ref"].rpartition("/")[2])
    if alternatives := schema.get("anyOf") or schema.get("oneOf"):
        return " or ".join(dict.fromkeys(_type(one) for one in alternatives))
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
        "maxLength": "at most {} signs",
    }
    said = "time" if schema.get("format") == "date-time" else str(schema.get("type", ""))
    bounds = [told.format(f"{schema[key]:,g}") for key, told in words.items() if key in schema]
    return ", ".join([said, *bounds]) if said else ""
