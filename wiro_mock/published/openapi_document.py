"""An OpenAPI document of one model: one spec, or the bare array of specs that `Tool/DetailOpenAPI` answers.

Its generator maps mechanically, and so it is read back: the ends of a range stand as `minLength` and `maxLength`
where the parameter is a text (`seed`), a select whose options are loaded later has an `enum` of nulls, and a single
file is a plain text (rest.md §2.6, §5.4).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import unquote

from wiro_mock.kernel.file_inputs import companions
from wiro_mock.published.cleaning import TYPES
from wiro_mock.published.draft import Draft, Found, NotAModel
from wiro_mock.published.values import beyond, first, line, number, part, seconds, text, texts, whole

FORM: Final = "OpenAPI document"
LACKS: Final = "such a document says neither the price nor the id"
_FILE: Final = re.compile(r"input(Image|Audio|Video|Document|File|All)(?!.*Url)\w*")
_PATH: Final = re.compile(r"(?:/v1)?/Run/([^/]+)/([^/]+)/?", re.IGNORECASE)
_TITLE: Final = re.compile(r"([^/]+)/(.+?)\s+API\s*\(.*\)\s*")
_TIME: Final = re.compile(r"processing time\W{0,6}(.{1,40})", re.IGNORECASE)
_DEEPEST: Final = 8
_LONGEST_TEXT: Final = 1_000_000
"""A longer `maxLength` is the end of a range, also where a `minLength` does not stand beside it (a negative one
cannot be said)."""


def is_openapi(value: object) -> bool:
    """Whether a JSON value is an OpenAPI document, or an array of `{type, spec}`."""
    return _spec(value) is not None


def read_openapi(value: Any) -> Draft:
    """The one model of such a document. Raises `NotAModel` where it runs none."""
    spec = _spec(value)
    if spec is None:
        raise NotAModel("it is no OpenAPI document; expected is one of a model, as Tool/DetailOpenAPI answers")
    owner, slug, operation = _run(spec)
    schema = _schema(spec, operation)
    info = spec.get("info")
    time = _TIME.search(f"{text(part(info, 'description'))}\n{text(part(operation, 'description'))}")
    return Draft(
        form=FORM,
        lacks=LACKS,
        owner=owner,
        slug=slug,
        about=_about(operation, info),
        seconds=seconds(time[1]) if time else None,
        categories=_categories(spec, operation),
        tags=texts(part(info, "x-tags") or []),
        image=line(part(part(info, "x-logo"), "url")),
        parameters=tuple(_parameters(schema)),
    )


def _spec(value: object) -> Mapping[str, Any] | None:
    """The document itself: of an array, the first one."""
    for item in value if isinstance(value, list) else [value]:
        found = part(item, "spec") if isinstance(part(item, "spec"), dict) else item
        if isinstance(found, dict) and isinstance(found.get("openapi"), str):
            return found
    return None


def _run(spec: Mapping[str, Any]) -> tuple[str, str, Mapping[str, Any]]:
    """Owner and slug, in display form where the path has it, and the operation that runs the model."""
    paths = spec.get("paths")
    for path, item in paths.items() if isinstance(paths, dict) else ():
        operation = part(item, "post")
        if isinstance(operation, dict) and (found := _PATH.fullmatch(path)):
            return (unquote(found[1]), unquote(found[2]), operation)
    raise NotAModel("it is an OpenAPI document without POST /Run/owner/model; expected is the document of one model")


def _about(operation: Mapping[str, Any], info: object) -> str:
    """What the operation says down to its processing time; else the first paragraph of what the document says."""
    words = text(operation.get("description")).strip()
    if found := _TIME.search(words):
        words = words[: found.start()].rstrip(" *_#-\n")
    return words or text(part(info, "description")).strip().partition("\n\n")[0].strip()


def _categories(spec: Mapping[str, Any], operation: Mapping[str, Any]) -> tuple[str, ...]:
    given = first(part(spec, "info"), "x-categories") or first(operation, "x-categories") or []
    return texts(given)


# -- parameters ----------------------------------------------------------------------------------------


def _schema(spec: Mapping[str, Any], operation: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema of the run's body: of JSON rather than of multipart."""
    content = part(operation.get("requestBody"), "content")
    kinds = content if isinstance(content, dict) else {}
    for kind in sorted(kinds, key=lambda name: name != "application/json"):
        schema = _resolved(spec, part(kinds[kind], "schema"))
        if isinstance(part(schema, "properties"), dict):
            return schema
    return {}


def _resolved(spec: Mapping[str, Any], schema: object) -> Mapping[str, Any]:
    """The schema that a `$ref` inside the document leads to; nothing where it leads nowhere, or round in circles."""
    for _ in range(_DEEPEST):
        ref = part(schema, "$ref")
        if not isinstance(ref, str):
            return schema if isinstance(schema, dict) else {}
        schema = spec
        for step in ref.removeprefix("#/").split("/"):
            schema = part(schema, unquote(step).replace("~1", "/").replace("~0", "~"))
    return {}


def _parameters(schema: Mapping[str, Any]) -> Iterator[Found]:
    properties = schema.get("properties", {})
    required = schema.get("required")
    names = {name for name in required if isinstance(name, str)} if isinstance(required, list) else set[str]()
    for name, shape in properties.items():
        if isinstance(shape, dict):
            yield _parameter(name, shape, required=name in names, properties=properties)


def _parameter(name: str, shape: Mapping[str, Any], *, required: bool, properties: Mapping[str, Any]) -> Found:
    pairs = list(_options(shape))
    options = tuple(value for value, _ in pairs)
    kind = _type(name, shape, properties)
    low, high, most = _range(shape, kind)
    default = shape.get("default")
    # An empty default is none, unless it is an option; a checkbox that is off has none, either.
    unsaid = default is None or default is False or (default == "" and "" not in options)
    return Found(
        id=name,
        type=kind,
        required=required,
        default=None if unsaid else text(default),
        low=low,
        high=high,
        step=text(shape.get("multipleOf")) or None,
        options=options,
        option_labels=tuple(label for _, label in pairs),
        more_options=bool(options) and not isinstance(shape.get("enum"), list),
        most=most if most is not None else whole(first(shape, "maxItems", "x-max-entries"), least=1),
        **_words(name, shape),
    )


def _words(name: str, shape: Mapping[str, Any]) -> dict[str, str]:
    """Label and note; the generator repeats the one, or the id, where there is none."""
    label = line(first(shape, "x-label", "title"))
    note = text(first(shape, "x-help", "description")).strip()
    return {"label": beyond(label, name), "note": beyond(note, label, name)}


def _type(name: str, shape: Mapping[str, Any], properties: Mapping[str, Any]) -> str:
    """The type that the document names, or that the property's form stands for."""
    named = line(shape.get("x-input-type"))
    if named in TYPES and named != "text":
        return named
    if isinstance(shape.get("enum"), list) or isinstance(shape.get("x-options"), list):
        return "select" if named != "text" else "text"
    by_form = {"integer": "number", "number": "number", "boolean": "checkbox", "array": "combinefileinput"}
    if (form := line(shape.get("type"))) in by_form:
        return by_form[form]
    if shape.get("format") in {"uri", "binary"}:
        return "combinefileinput"
    if _FILE.fullmatch(name) or any(other in properties for other in companions(name)):  # as only files have
        return "multifileinput" if name.endswith("Multiple") else "fileinput"
    return "text"


def _options(shape: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The values that may be chosen, with their labels; those of an `enum` of nulls are unknown."""
    for key in ("x-options", "enum"):
        values = shape.get(key)
        items = values if isinstance(values, list) else []
        found = [(part(one, "value"), part(one, "label")) if isinstance(one, dict) else (one, "") for one in items]
        if any(value is not None for value, _ in found):
            yield from ((text(value), line(label)) for value, label in found if value is not None)
            return


def _range(shape: Mapping[str, Any], kind: str) -> tuple[str | None, str | None, int | None]:
    """The ends of the range, and how many characters there may be.

    Of a text, `minLength` and `maxLength` are the ends of a range (rest.md §2.6); a text whose default is no number
    can have none, so there they are what they say.
    """
    low, high = text(shape.get("minimum")), text(shape.get("maximum"))
    short, long = text(shape.get("minLength")), text(shape.get("maxLength"))
    if kind not in {"text", "textarea"} or low or high:
        return low or None, high or None, whole(long, least=1) if kind in {"text", "textarea"} else None
    default = text(shape.get("default"))
    if default and number(default) is None:
        return None, None, whole(long, least=1)
    if short or (whole(long) or 0) > _LONGEST_TEXT:
        return short or None, long or None, None
    return None, None, whole(long, least=1)
