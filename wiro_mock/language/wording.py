"""What pydantic found, in the words of somebody who wants to help: a table from its error types to sentences."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from wiro_mock.kernel.kinds import MEANT
from wiro_mock.language.complaints import Complaint, did_you_mean
from wiro_mock.language.yaml_source import Document, Path

_SHOULD_BE = {
    "string_type": "text; put it in quotes",
    "int_type": "a whole number; write digits without quotes",
    "int_from_float": "a whole number; write digits without quotes",
    "float_type": "a number; write digits without quotes",
    "bool_type": "true or false; write one of the two, without quotes",
    "list_type": "a list; begin each item with a dash",
    "dict_type": "a mapping; write `key: value`",
}


def complaints_of(error: ValidationError, root: type[BaseModel], document: Document, file: str) -> list[Complaint]:
    """Every mistake that pydantic found in the document, with its place."""
    return [_complaint(detail, root, document, file) for detail in error.errors(include_url=False)]


def sentences_of(error: ValidationError, root: type[BaseModel]) -> list[str]:
    """Every mistake that pydantic found in what has no file, as `do.status: …`."""
    found = error.errors(include_url=False)
    return [": ".join(filter(None, (_name(one["loc"]), _sentence(one, root, one["loc"])))) for one in found]


def _name(path: Path) -> str:
    return ".".join(str(part) for part in path)


def thing(path: Path) -> str:
    """What a path is called: `step 3: progress.for`, `match.model`."""
    names = [str(part) for part in path if isinstance(part, str)]
    if path and path[0] == "steps" and len(path) > 1 and isinstance(path[1], int):
        return f"step {path[1] + 1}" + (f": {'.'.join(names[1:])}" if names[1:] else "")
    return ".".join(names) or "the document"


def _complaint(detail: ErrorDetails, root: type[BaseModel], document: Document, file: str) -> Complaint:
    path = detail["loc"]
    unknown = detail["type"] == "extra_forbidden"
    line, column = document.place_of(path, key=unknown)
    return Complaint(file, line, column, f"{thing(path)}: {_sentence(detail, root, path)}")


def _sentence(detail: ErrorDetails, root: type[BaseModel], path: Path) -> str:
    kind, value, context = detail["type"], _shown(detail["input"]), detail.get("ctx", {})
    match kind:
        case "missing":
            field = _field(_model_at(root, path[:-1]), str(path[-1]))
            return f"is missing; add it: {field.description}" if field is not None else "is missing; add it"
        case "extra_forbidden":
            known = list(_keys(_model_at(root, path[:-1])))
            what = "a step is one of" if len(path) == 3 and path[0] == "steps" else "the keys here are"
            return f"unknown key; {did_you_mean(str(path[-1]), known, what=what)}"
        case "value_error":
            return str(context["error"])
        case "literal_error":
            choices = [choice.strip("' ") for choice in str(context["expected"]).replace(" or ", ",").split(",")]
            word = str(detail["input"])
            if (meant := MEANT.get(word.lower())) in choices:
                return f"{value} is not possible; did you mean '{meant}'?"
            return f"{value} is not possible; {did_you_mean(word, choices, what='write one of')}"
        case "model_type" | "model_attributes_type":
            return _not_a_mapping(detail["input"], _model_at(root, path))
        case "greater_than_equal" | "greater_than":
            return f"{value} is too small; write at least {context.get('ge', context.get('gt'))}"
        case "less_than_equal" | "less_than":
            return f"{value} is too large; write at most {context.get('le', context.get('lt'))}"
        case "too_short" | "string_too_short":
            return "is empty; write at least one" if kind == "too_short" else "is empty; write something"
        case "string_pattern_mismatch":
            field = _field(_model_at(root, path[:-1]), str(path[-1]))
            return f"{value} has the wrong form; write {field.description if field is not None else 'it otherwise'}"
        case _ if kind in _SHOULD_BE:
            return f"{value} is not {_SHOULD_BE[kind]}"
        case _:
            return f"{value} cannot stand here: {detail['msg']}"


def _not_a_mapping(value: Any, model: type[BaseModel] | None) -> str:
    keys = list(_keys(model))
    if isinstance(value, str) and value in keys:
        return f"'{value}' has no colon; write `{value}: …`"
    example = f"{keys[0]}: …" if keys else "key: …"
    return f"{_shown(value)} is not a mapping; write {{{example}}}, the keys here are: {', '.join(keys)}"


def _shown(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict | list):
        return "a mapping" if isinstance(value, dict) else "a list"
    text = str(value)
    return f"'{text if len(text) <= 60 else text[:60] + '…'}'"


def _keys(model: type[BaseModel] | None) -> Iterator[str]:
    for name, field in model.model_fields.items() if model else ():
        yield field.alias or name


def _field(model: type[BaseModel] | None, key: str) -> Any:
    for name, field in model.model_fields.items() if model else ():
        if (field.alias or name) == key:
            return field
    return None


def _model_at(model: type[BaseModel] | None, path: Path) -> type[BaseModel] | None:
    """The model that describes the mapping at this path, if one does."""
    named = False
    for key in path:
        if named:  # a name of the author's choice, under which the next thing stands
            named = False
        elif isinstance(key, str):
            field = _field(model, key)
            model = None if field is None else next(_models_in(field.annotation), None)
            named = field is not None and get_origin(field.annotation) is dict
    return model


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models_in(part)
