"""The document as Salesforce's External Services and Microsoft's Power Platform take it.

Source: Salesforce Help, "External Services: Schema Definitions" and "Naming and Description Conventions";
learn.microsoft.com, "Create a custom connector from an OpenAPI definition" (OpenAPI 2.0, less than 1 MB) and
"OpenAPI extensions for custom connectors"; read 2026-11.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from features.history.lead_history import AttributeType
from serving.http.openapi.translation import Json, translate

_INFO: Final = {
    "title": "LeadOdds",
    "version": "1",
    "description": "The calibrated probability that a lead converts within a stated horizon, and why.",
}
_KEY: Final = {"apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"}}
# Properties of a connector are shown by their summaries, and may have names of any language.
_PROPERTY: Final = re.compile(r"\w(?:[\w -]*\w)?")
_FIRST_LETTER: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def salesforce_document(document: Mapping[str, Any], attributes: Mapping[str, AttributeType]) -> Json:
    """Makes the OpenAPI 3.0.3 of External Services; the named credential there has address and key.

    Args:
        document: whole, OpenAPI 3.1.
        attributes: types of the attributes that the model reads, by name.
    """
    translated = translate(document, attributes)
    components = {**translated["components"], "securitySchemes": _KEY}
    return {
        **translated,
        "info": _INFO,
        "servers": [{"url": "/"}],
        "components": components,
        "security": [{"apiKey": []}],
    }


def power_platform_document(document: Mapping[str, Any], attributes: Mapping[str, AttributeType]) -> Json:
    """Makes the Swagger 2.0 of a custom connector, with names for people; it needs a `host` still.

    Args:
        document: whole, OpenAPI 3.1.
        attributes: types of the attributes that the model reads, by name.
    """
    translated = _renamed(translate(document, attributes, is_field=_is_property))
    paths = {
        path: {method: _operation(operation) for method, operation in methods.items()}
        for path, methods in translated["paths"].items()
    }
    return {
        "swagger": "2.0",
        "info": _INFO,
        "basePath": "/",
        "schemes": ["https"],
        "consumes": ["application/json"],
        "produces": ["application/json"],
        "paths": paths,
        "definitions": {name: _titled(own) for name, own in translated["components"]["schemas"].items()},
        "securityDefinitions": _KEY,
        "security": [{"apiKey": []}],
    }


def _is_property(name: str) -> bool:
    return _PROPERTY.fullmatch(name) is not None


def _operation(operation: Mapping[str, Any]) -> Json:
    parameters = [_parameter(parameter) for parameter in operation.get("parameters", ())]
    if "requestBody" in operation:
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        parameters.append({"name": "body", "in": "body", "required": True, "schema": schema})
    return {
        **{key: operation[key] for key in ("operationId", "summary", "description")},
        "parameters": parameters,
        "responses": {
            status: {
                "description": answer["description"],
                "schema": answer["content"]["application/json"]["schema"],
            }
            for status, answer in operation["responses"].items()
        },
    }


def _parameter(parameter: Mapping[str, Any]) -> Json:
    """In 2.0 a parameter has its type itself; one in the path says how it is encoded."""
    own = {key: value for key, value in parameter.items() if key != "schema"}
    encoded = {"x-ms-url-encoding": "single"} if parameter["in"] == "path" else {}
    return {**parameter["schema"], **own, "x-ms-summary": _for_people(parameter["name"]), **encoded}


def _titled(schema: Mapping[str, Any]) -> Json:
    """Gives each field a name for people."""
    if "properties" not in schema:
        return dict(schema)
    fields = {
        # Beside a reference nothing else counts.
        name: own if "$ref" in own else {**own, "x-ms-summary": _for_people(name)}
        for name, own in schema["properties"].items()
    }
    return {**schema, "properties": fields}


def _renamed(tree: Any) -> Any:
    """References of 2.0."""
    if isinstance(tree, dict):
        return {
            key: value.replace("#/components/schemas/", "#/definitions/")
            if key == "$ref"
            else _renamed(value)
            for key, value in tree.items()
        }
    return [_renamed(own) for own in tree] if isinstance(tree, list) else tree


def _for_people(name: str) -> str:
    """Writes the name of a field as words.

    >>> _for_people("horizon_days")
    'Horizon days'
    """
    words = _FIRST_LETTER.sub(" ", name).replace("_", " ").strip()
    return words[:1].upper() + words[1:]
