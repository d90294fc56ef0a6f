"""Puts the OpenAPI document into terms that tools of CRMs take: one type a field, and objects by their name.

Left out are unions, types of null, and fields that are open to any name; what a field may hold beyond the
first of its types a caller of the whole document learns from that. A field that may be null is optional, so
that a client which sends none, or null, is right either way. The attributes of a lead, open in the whole
document, become the fields that the model reads.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from features.history.lead_history import AttributeType

Json = dict[str, Any]

# Calls that a CRM makes: a score, the lead and what happened to it, and its end.
OPERATIONS: Final = (
    *("score", "leadScore", "leadScores", "lead", "leads", "putLead", "patchLead", "eraseLead"),
    *("addInteractions", "addOutcomes"),
)
ATTRIBUTES: Final = "LeadAttributes"
DESCRIPTION_LENGTH: Final = 1000

_REFERENCE: Final = "#/components/schemas/"
_ATTRIBUTES: Final = "attributes"
_TYPES: Final[Mapping[AttributeType, Json]] = {
    "number": {"type": "number", "format": "double"},
    "boolean": {"type": "boolean"},
    "category": {"type": "string"},
}
_FORMATS: Final = {"number": "double", "integer": "int64"}
_KEPT: Final = ("description", "format", "enum", "minimum", "maximum", "minLength", "maxLength")
# Of Apex, and every other language that has identifiers: no double or last underscore.
# Source: Apex Developer Guide, "Variables" and "Reserved Keywords"; read 2026-12.
_IDENTIFIER: Final = re.compile(r"[A-Za-z](_?[A-Za-z0-9])*")
_MOST_LETTERS: Final = 255
_RESERVED: Final = frozenset(
    (
        *("abstract", "activate", "and", "any", "array", "as", "asc", "autonomous", "begin", "bigdecimal"),
        *("blob", "boolean", "break", "bulk", "by", "byte", "case", "cast", "catch", "char", "class"),
        *("collect", "commit", "const", "continue", "currency", "date", "datetime", "decimal", "default"),
        *("delete", "desc", "do", "double", "else", "end", "enum", "exception", "exit", "export", "extends"),
        *("false", "final", "finally", "float", "for", "from", "global", "goto", "group", "having", "hint"),
        *("if", "implements", "import", "in", "inner", "insert", "instanceof", "int", "integer"),
        *("interface", "into", "join", "like", "limit", "list", "long", "loop", "map", "merge", "new"),
        *("not", "null", "nulls", "number", "object", "of", "on", "or", "outer", "override", "package"),
        *("parallel", "pragma", "private", "protected", "public", "retrieve", "return", "rollback"),
        *("select", "set", "short", "sobject", "sort", "static", "string", "super", "switch"),
        *("synchronized", "system", "testmethod", "then", "this", "throw", "time", "transaction"),
        *("trigger", "true", "try", "undelete", "update", "upsert", "using", "virtual", "void"),
        *("webservice", "when", "where", "while"),
    )
)
_NOT_LETTERS: Final = re.compile(r"\W+")


def is_identifier(name: str) -> bool:
    """Whether a field of this name can be used from Apex.

    >>> [is_identifier(name) for name in ("company_size", "Company Size", "size__c", "limit", "2nd")]
    [True, False, False, False, False]
    """
    is_short = len(name) <= _MOST_LETTERS
    return is_short and bool(_IDENTIFIER.fullmatch(name)) and name.lower() not in _RESERVED


def translate(
    document: Mapping[str, Any],
    attributes: Mapping[str, AttributeType],
    *,
    is_field: Callable[[str], bool] = is_identifier,
) -> Json:
    """Makes the document of the calls that a CRM makes.

    Args:
        document: whole, OpenAPI 3.1.
        attributes: types of the attributes that the model reads, by name.
        is_field: whether the tool takes an attribute's name as that of a field.

    Returns:
        OpenAPI 3.0.3, with paths and schemas alone; `info`, servers and security are the caller's.
    """
    paths: Json = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if operation["operationId"] in OPERATIONS:
                paths.setdefault(path, {})[method] = _operation(operation)
    schemas = {ATTRIBUTES: _attributes(attributes, is_field)}
    wanted = list(_references(paths))
    while wanted:
        name = wanted.pop()
        if name not in schemas:
            schemas[name] = _schema(document["components"]["schemas"][name])
            wanted += _references(schemas[name])
    return {"openapi": "3.0.3", "paths": paths, "components": {"schemas": dict(sorted(schemas.items()))}}


def _operation(operation: Mapping[str, Any]) -> Json:
    parameters = [
        {**{key: parameter[key] for key in ("name", "in", "required", "description") if key in parameter}}
        | {"schema": _schema(parameter["schema"])}
        for parameter in operation.get("parameters", ())
        if parameter.get("required") or is_identifier(parameter["name"])
    ]
    translated: Json = {
        "operationId": operation["operationId"],
        "summary": operation["summary"],
        "description": operation.get("description", "")[:DESCRIPTION_LENGTH],
        **({"parameters": parameters} if parameters else {}),
        # Without a body: not modified, which only a caller with a cache gets.
        "responses": {
            status: _answer(answer)
            for status, answer in operation["responses"].items()
            if "content" in answer
        },
    }
    if "requestBody" in operation:
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        content = {"application/json": {"schema": _schema(schema)}}
        translated["requestBody"] = {"required": True, "content": content}
    return translated


def _answer(answer: Mapping[str, Any]) -> Json:
    """One media type: who accepts only JSON gets problems as JSON."""
    (media,) = answer["content"].values()
    content = {"application/json": {"schema": _schema(media["schema"])}}
    return {"description": answer["description"], "content": content}


def _schema(schema: Mapping[str, Any]) -> Json:
    """A schema of one type; of a union the first one."""
    if "$ref" in schema:
        return {"$ref": schema["$ref"]}
    if (union := schema.get("anyOf") or schema.get("oneOf")) is not None:
        first = next(own for own in union if own.get("type") != "null")
        described = {"description": schema["description"]} if "description" in schema else {}
        return {**_schema(first), **({} if "$ref" in first else described)}
    kept = {key: schema[key] for key in _KEPT if key in schema}
    kind = schema.get("type", "object")
    if kind == "array":
        return {**kept, "type": "array", "items": _schema(schema["items"])}
    if kind == "object":
        return {**kept, **_object(schema)}
    if "exclusiveMinimum" in schema:
        kept |= {"minimum": schema["exclusiveMinimum"], "exclusiveMinimum": True}
    formatted = {"format": _FORMATS[kind]} if kind in _FORMATS else {}
    return {**formatted, **kept, "type": kind}


def _object(schema: Mapping[str, Any]) -> Json:
    fields = schema.get("properties", {})
    if not fields:
        inner = schema.get("additionalProperties")
        return (
            {"type": "object", "additionalProperties": _schema(inner)}
            if isinstance(inner, dict)
            else {"type": "object"}
        )
    # What is null in every answer of a route tells nothing.
    fields = {name: own for name, own in fields.items() if own.get("type") != "null"}
    required = [
        name for name in schema.get("required", ()) if name in fields and not _may_be_null(fields[name])
    ]
    return {
        "type": "object",
        **({"required": required} if required else {}),
        "properties": {
            name: {"$ref": _REFERENCE + ATTRIBUTES} if name == _ATTRIBUTES else _schema(own)
            for name, own in fields.items()
        },
    }


def _may_be_null(schema: Mapping[str, Any]) -> bool:
    return any(own.get("type") == "null" for own in schema.get("anyOf", ()))


def _attributes(attributes: Mapping[str, AttributeType], is_field: Callable[[str], bool]) -> Json:
    """Describes the attributes; of names that a tool may take for the same, only the first."""
    spelled: set[str] = set()
    named: Json = {}
    for name, own in sorted(attributes.items()):
        spelling = _NOT_LETTERS.sub("_", name).casefold()
        if is_field(name) and spelling not in spelled:
            named[name] = _TYPES[own]
            spelled.add(spelling)
    left_out = sorted(name for name in attributes if name not in named)
    described = "Attributes that the model reads; those that are absent are missing."
    if left_out:
        described += f" No names of fields of their own, and so not described here: {', '.join(left_out)}."
    fields = {"properties": named} if named else {}
    return {"type": "object", "description": described[:DESCRIPTION_LENGTH], **fields}


def _references(tree: object) -> Iterator[str]:
    """Names of the schemas that a part of the document refers to."""
    if isinstance(tree, Mapping):
        for key, value in tree.items():
            if key == "$ref":
                yield str(value).removeprefix(_REFERENCE)
            else:
                yield from _references(value)
    elif isinstance(tree, Sequence) and not isinstance(tree, str):
        for value in tree:
            yield from _references(value)
