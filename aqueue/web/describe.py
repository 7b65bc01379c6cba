"""How routes are described in the OpenAPI document. Shapes are read off the examples, which are tested."""

from collections.abc import Mapping
from typing import Any

JSON = "application/json"


def shape(example: Any) -> dict[str, Any]:
    """The JSON schema that an example stands for. Whatever is a text or a number there may also be null."""
    match example:
        case None:
            return {}
        case bool():
            return {"type": "boolean"}
        case int() | float():
            return {"type": ["number", "null"]}
        case str():
            return {"type": ["string", "null"]}
        case list():
            return {"type": "array", "items": shape(example[0]) if example else {}}
        case Mapping():
            return {"type": "object", "properties": {key: shape(value) for key, value in example.items()}}
    raise TypeError(type(example))


def answers(example: Any, status: int = 200, description: str = "Done.") -> dict[int | str, dict[str, Any]]:
    """What a route answers when all is well, by an example; None for nothing."""
    if example is None:
        return {status: {"description": description}}
    return {status: {"description": description, "content": {JSON: {"schema": shape(example), "example": example}}}}


def body(schema: Mapping[str, Any], **examples: Any) -> dict[str, Any]:
    """What a route wants to be sent, with examples by their names."""
    shown = {name: {"summary": name.replace("_", " "), "value": value} for name, value in examples.items()}
    return {"requestBody": {"required": True, "content": {JSON: {"schema": schema, "examples": shown}}}}


def members(required: tuple[str, ...] = (), **schemas: Any) -> dict[str, Any]:
    """The schema of an object with these members and no others."""
    return {
        "type": "object",
        "properties": schemas,
        "required": list(required),
        "additionalProperties": False,
    }
