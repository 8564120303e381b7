"""A TypedDict as a JSON Schema of OpenAPI 3.1, each of its fields with the source that it is known from."""

from __future__ import annotations

from collections.abc import Iterator
from types import NoneType, UnionType
from typing import Any, Literal, NotRequired, TypeAlias, Union, get_args, get_origin, get_type_hints, is_typeddict

from wiro_mock.shape_sources import source_of

Schema: TypeAlias = dict[str, Any]
_TYPES = {str: "string", int: "integer", float: "number", bool: "boolean", NoneType: "null"}


def schema_of(kind: Any) -> Schema:
    """The schema of a type; a TypedDict is referred to by its name."""
    origin = get_origin(kind)
    if kind is Any:
        return {}
    if is_typeddict(kind):
        return {"$ref": f"#/components/schemas/{kind.__name__}"}
    if origin in (Union, UnionType):
        return _one_of([schema_of(member) for member in get_args(kind)])
    if origin is list:
        return {"type": "array", "items": schema_of(get_args(kind)[0])}
    if origin is dict:
        values = schema_of(get_args(kind)[1])
        return {"type": "object", "additionalProperties": values or True}
    if origin is Literal:
        allowed = list(get_args(kind))
        return {"type": _TYPES[type(allowed[0])], "enum": allowed}
    return {"type": _TYPES[kind]}


def components(kinds: list[Any]) -> dict[str, Schema]:
    """The named schemas of these types and of all that they are made of, by name."""
    found: dict[str, Schema] = {}
    waiting = [shape for kind in kinds for shape in _typed_dicts(kind)]
    while waiting:
        shape = waiting.pop()
        if shape.__name__ not in found:
            hints = get_type_hints(shape, include_extras=True)
            found[shape.__name__] = _object(shape, hints)
            waiting += [inner for hint in hints.values() for inner in _typed_dicts(hint)]
    return dict(sorted(found.items()))


def _object(shape: Any, hints: dict[str, Any]) -> Schema:
    properties, required = {}, []
    for name, hint in hints.items():
        optional = get_origin(hint) is NotRequired
        schema = schema_of(get_args(hint)[0] if optional else hint)
        properties[name] = {**schema, "x-source": source_of(shape.__name__, name)._asdict()}
        required += [] if optional else [name]
    made: Schema = {"type": "object", "description": " ".join((shape.__doc__ or "").split()), "properties": properties}
    return {**made, "required": required} if required else made


def _one_of(schemas: list[Schema]) -> Schema:
    """Any of these; plain types become one list of types."""
    if all(set(one) == {"type"} for one in schemas):
        return {"type": [one["type"] for one in schemas]}
    return {"anyOf": schemas}


def _typed_dicts(kind: Any) -> Iterator[Any]:
    """The TypedDicts that a type names."""
    if is_typeddict(kind):
        yield kind
    for inner in get_args(kind):
        yield from _typed_dicts(inner)
