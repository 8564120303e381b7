"""`Tool/DetailOpenAPI`: valid documents for every model, in the form of Wiro's own, and true of what is answered."""

from __future__ import annotations

import copy
from decimal import Decimal
from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openapi_schema_validator import OAS30Validator
from openapi_spec_validator import OpenAPIV30SpecValidator

from tests.api_kit import ORIGIN, Reply, make_world, post, signed
from wiro_mock.api.openapi import AUTHS, Auth, document
from wiro_mock.api.openapi_schemas import parameter, run_tool
from wiro_mock.api.origin import WIRO
from wiro_mock.api.profile import PROFILES, Profile, switch
from wiro_mock.kernel.catalog import CHOICES, FILES, NUMBERS, TEXTS, Model, Parameter, ParameterType
from wiro_mock.loader import load_models, shipped
from wiro_mock.mock import World

NAMES = [model.name for model in load_models(shipped())]
EIGHT = {
    "RunTaskResponse", "TaskKillRequest", "TaskCancelRequest", "TaskDetailRequest", "TaskDetailResponse", "TaskObject",
    "OutputFile", "OutputAnswer", "RunToolSchema",
}  # fmt: skip


@cache
def shipped_models() -> dict[str, Model]:
    return {model.name: model for model in load_models(shipped())}


def asked(world: World, owner: object, slug: object, **more: Any) -> Any:
    return post(world, "/v1/Tool/DetailOpenAPI", {"slugowner": owner, "slugproject": slug}, **more).json


def spec(name: str, auth: Auth = "apikey", profile: Profile | None = None) -> dict[str, Any]:
    return document(shipped_models()[name], ORIGIN, auth, profile or Profile())


def run_schema(name: str) -> dict[str, Any]:
    return dict(spec(name)["components"]["schemas"]["RunToolSchema"])


# -- the answer ----------------------------------------------------------------------------------------


def test_the_answer_is_a_bare_array_of_both_documents() -> None:
    """`apikey` and `signature`, without an envelope (rest.md §2.1), and without a key."""
    reply = post(make_world(), "/v1/Tool/DetailOpenAPI", {"slugowner": "pruna", "slugproject": "p-image"}, headers={})
    assert reply.status == 200
    assert [(item["type"], set(item)) for item in reply.json] == [
        ("apikey", {"type", "spec"}),
        ("signature", {"type", "spec"}),
    ]
    assert [item["spec"] for item in reply.json] == [spec("pruna/p-image", auth) for auth in AUTHS]


@pytest.mark.parametrize("slug", ["gpt-5.2", "gpt-5-2", "GPT-5.2"])
def test_both_forms_of_a_slug_find_it(slug: str) -> None:
    """And the path of its runs is in the displayed form, whichever was asked for."""
    (first, _) = asked(make_world(), "OpenAI", slug)
    assert "/Run/openai/gpt-5.2" in first["spec"]["paths"]


@pytest.mark.parametrize(("owner", "slug"), [("nobody", "nothing"), ("pruna", ""), (None, []), ("pruna", "p-image/")])
def test_an_unknown_model_has_no_documents(owner: object, slug: object) -> None:
    """An empty array with a reason in the journal, and no unexpected call: it was a question."""
    world = make_world()
    assert asked(world, owner, slug) == []
    outcome = world.journal.entries()[-1].outcome
    assert outcome.reason.startswith(f"no model {owner}/{slug} in" if owner and slug else "a model is asked for by")
    assert not outcome.unexpected
    assert outcome.code is None


@pytest.mark.parametrize(
    "fields",
    [
        {"cleanslugowner": "openai", "cleanslugproject": "gpt-5-2"},
        {"slugowner": "OpenAI", "cleanslugproject": "gpt-5-2"},
        {"slugowner": "open%61i", "slugproject": " gpt-5.2 "},
    ],
)
def test_a_model_is_asked_for_as_with_tool_detail(fields: dict[str, str]) -> None:
    """Under the clean keys too, percent-encoded, with blanks around."""
    world = make_world()
    (first, _) = post(world, "/v1/Tool/DetailOpenAPI", fields, headers={}).json
    assert "/Run/openai/gpt-5.2" in first["spec"]["paths"]
    (tool,) = post(world, "/v1/Tool/Detail", fields, headers={}).json["tool"]
    assert tool["cleanslugproject"] == "gpt-5-2"


def test_the_server_in_a_document_is_the_one_that_was_asked() -> None:
    """So a client that is made from it calls the mock; under Wiro's name it is Wiro's."""
    for origin in (ORIGIN, WIRO, "http://localhost:81"):
        for item in asked(make_world(), "pruna", "p-image", origin=origin):
            assert item["spec"]["servers"][0]["url"] == f"{origin}/v1"


# -- valid, for every model ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_every_document_is_valid_openapi(name: str) -> None:
    """3.0.3, for each shipped model; in the other document only what no model changes is different."""
    one, other = (spec(name, auth) for auth in AUTHS)
    OpenAPIV30SpecValidator(one).validate()
    run = f"/Run/{name}"
    assert one["components"]["schemas"] == other["components"]["schemas"]
    assert one["paths"][run] == other["paths"][run]


def test_the_signed_document_is_valid_in_every_profile() -> None:
    """Which is enough for all models: see above."""
    for profile in PROFILES.values():
        OpenAPIV30SpecValidator(spec("pruna/p-image", "signature", profile)).validate()


IDS = st.sampled_from(["prompt", "inputImage", "inputDocumentMultiple", "seed", "a b", "ü", "callbackUrl", "$ref"])
NUMBER = st.decimals(-1000, 1000, places=2)


@st.composite
def parameters(draw: st.DrawFn) -> Parameter:
    """A parameter as a model's file may have it, and some that it may not."""
    kind: ParameterType = draw(st.sampled_from(sorted(TEXTS | NUMBERS | CHOICES | FILES | {"checkbox"})))
    return Parameter(
        id=draw(IDS),
        type=kind,
        required=draw(st.booleans()),
        default=draw(st.none() | st.text(max_size=3) | NUMBER.map(str)),
        minimum=draw(st.none() | NUMBER),
        maximum=draw(st.none() | NUMBER),
        step=draw(st.none() | st.sampled_from([Decimal(0), Decimal("0.1"), Decimal(16)])),
        options=tuple(draw(st.lists(st.text(max_size=3), max_size=3))) if kind in CHOICES else (),
        more_options=draw(st.booleans()),
        max_length=draw(st.none() | st.integers(0, 100)),
        label=draw(st.text(max_size=3)),
    )


@given(st.lists(parameters(), max_size=3, unique_by=lambda one: one.id), st.text(min_size=1, max_size=8))
def test_whatever_a_model_takes_its_document_is_valid(taken: list[Parameter], slug: str) -> None:
    """Also where a default lies outside of its range, an option comes twice, or a slug looks like a template."""
    model = Model(id="1", owner="acme", slug=slug, kind="image", cps=Decimal(0), parameters=tuple(taken))
    shown = document(model, ORIGIN, "apikey", Profile())
    # Only what the model changes: the rest is valid, see above, and takes its time.
    (path,) = [path for path in shown["paths"] if path.startswith("/Run")]
    shown["paths"] = {path: shown["paths"][path]}
    named = ("RunToolSchema", "RunTaskResponse", "FailureResponse")
    shown["components"]["schemas"] = {name: shown["components"]["schemas"][name] for name in named}
    OpenAPIV30SpecValidator(shown).validate()


# -- Wiro's form ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("auth", "title", "schemes"),
    [
        ("apikey", "pruna/p-image API (API Key Auth)", ["ApiKeyAuth"]),
        ("signature", "pruna/p-image API (Signature Auth)", ["ApiKeyAuth", "NonceAuth", "SignatureAuth"]),
    ],
)
def test_the_frame_is_that_of_wiros_generator(auth: Auth, title: str, schemes: list[str]) -> None:
    """The observed documents of March 2026: title, version, paths, operation ids, tags, schemes, named schemas."""
    shown = spec("pruna/p-image", auth)
    assert (shown["openapi"], shown["info"]["title"], shown["info"]["version"]) == ("3.0.3", title, "1.0.0")
    assert shown["security"] == [{scheme: [] for scheme in schemes}]
    assert list(shown["components"]["securitySchemes"]) == schemes
    assert set(shown["components"]["schemas"]) == EIGHT | {"FailureResponse"}
    assert [(path, item["post"]["operationId"], item["post"]["tags"]) for path, item in shown["paths"].items()] == [
        ("/Task/Detail", "getTaskDetail", ["Task Management"]),
        ("/Task/Kill", "killTask", ["Task Management"]),
        ("/Task/Cancel", "cancelTask", ["Task Management"]),
        ("/Run/pruna/p-image", "runpimage", ["Run Task"]),
    ]
    assert "**Processing Time:** 2 seconds" in shown["paths"]["/Run/pruna/p-image"]["post"]["description"]
    both, form = ["application/json", "multipart/form-data"], ["multipart/form-data"]
    stop = form if auth == "signature" else [*form, "application/json"]
    kinds = [list(item["post"]["requestBody"]["content"]) for item in shown["paths"].values()]
    assert kinds == [both, stop, stop, both]


def test_the_status_info_names_the_nine_statuses() -> None:
    """As texts for keys, with descriptions for signatures: so they were observed."""
    ended = {"task_postprocess_end", "task_cancel"}
    for auth in AUTHS:
        info = spec("pruna/p-image", auth)["x-task-status-info"]
        listed = [info[name]["values"] for name in ("completed_statuses", "running_statuses")]
        texts = [{one if auth == "apikey" else one["status"] for one in values} for values in listed]
        assert texts[0] == ended
        assert len(texts[1]) == 7
        assert not texts[1] & ended


def test_a_model_like_the_observed_one() -> None:
    """The parameters of p-image as Wiro's document of March 2026 has them, but for titles and descriptions."""
    schema = run_schema("pruna/p-image")
    assert schema["required"] == ["prompt"]
    assert list(schema["properties"]) == ["prompt", "aspectRatio", "seed", "disableSafetyChecker", "callbackUrl"]
    assert schema["properties"]["aspectRatio"] == {
        "title": "aspectRatio",
        "description": "aspectRatio",
        "type": "string",
        "x-input-type": "select",
        "default": "16:9",
        "enum": ["16:9", "9:16", "3:2", "2:3", "4:3", "3:4", "1:1"],
        "x-options": [{"value": v, "label": v} for v in ["16:9", "9:16", "3:2", "2:3", "4:3", "3:4", "1:1"]],
    }
    # A text with a range: the mechanical mapping of its bounds to lengths is Wiro's.
    seed = schema["properties"]["seed"]
    assert (seed["type"], seed["minLength"], seed["maxLength"], seed["default"]) == ("string", 0, 99999999, "0")
    assert schema["properties"]["callbackUrl"]["format"] == "uri"


def made(kind: ParameterType, **more: Any) -> dict[str, Any]:
    shown = parameter(Parameter(id="x", type=kind, **more))
    assert (shown.pop("title"), shown.pop("description")) == (more.get("label", "x"), more.get("note", "x"))
    return shown


def test_each_type_has_its_form() -> None:
    """Numbers, files and boxes as in the observed documents; what would not be valid or true is left out."""
    number = {"minimum": Decimal(1), "maximum": Decimal(65536), "step": Decimal(1), "default": "65536"}
    assert made("number", **number) == {
        "type": "number",
        "minimum": 1,
        "maximum": 65536,
        "multipleOf": 1,
        "default": 65536,
    }
    assert made("number", minimum=Decimal("0.1"), default="0.05") == {"type": "number", "minimum": 0.1}
    assert made("number", default="many") == {"type": "number"}
    assert made("checkbox") == {"type": "boolean", "default": False}
    assert made("checkbox", default="--quantization") == {"type": "boolean", "default": True}
    file = {"type": "string", "format": "uri", "x-input-type": "combinefileinput", "x-label": "A", "x-help": "B"}
    assert made("combinefileinput", label="A", note="B") == file
    assert made("fileinput") == {"type": "string"}
    assert made("text", minimum=Decimal("0.5"), maximum=Decimal(2), default="ü") == {
        "type": "string",
        "maxLength": 2,
        "default": "ü",
    }
    assert made("text", minimum=Decimal(-1), max_length=9) == {"type": "string", "maxLength": 9}
    select = made("select", options=("a", "a", "b"), default="A")
    assert select["enum"] == ["a", "b"]
    assert "default" not in select
    assert "enum" not in made("select", options=("a",), more_options=True)
    assert made("select", options=("", "a"), default="")["enum"] == ["", "a"]


@pytest.mark.parametrize(
    ("name", "beside"),
    [("inputImage2", "inputImage2Url"), ("inputDocumentMultiple", "inputDocumentUrlMultiple")],
)
def test_a_file_input_is_a_pair_of_texts(name: str, beside: str) -> None:
    """The file and its URL, as in ltx-2-3 and rag-chat; a combined one is alone."""
    model = Model(
        id="1",
        owner="a",
        slug="b",
        kind="image",
        cps=Decimal(0),
        parameters=(
            Parameter(id=name, type="multifileinput"),
            Parameter(id="inputImage", type="combinefileinput"),
        ),
    )
    schema = run_tool(model)
    assert list(schema["properties"]) == [name, beside, "inputImage", "callbackUrl"]
    assert schema["properties"][beside]["type"] == "string"
    assert "required" not in schema


# -- true of what is answered --------------------------------------------------------------------------


def closed(components: dict[str, Any]) -> dict[str, Any]:
    """The schemas with everything required and nothing else allowed, where they name what there is."""
    components = copy.deepcopy(components)
    for schema in components.values():
        if "properties" in schema:
            schema["additionalProperties"] = False
            schema["required"] = list(schema["properties"])
    content = components["OutputAnswer"]["properties"]["content"]
    content |= {"additionalProperties": False, "required": list(content["properties"])}
    return components


def check(answer: Any, name: str, components: dict[str, Any]) -> None:
    schema = {"$ref": f"#/components/schemas/{name}", "components": {"schemas": components}}
    errors = [f"{error.json_path}: {error.message[:200]}" for error in OAS30Validator(schema).iter_errors(answer)]
    assert not errors


def filled(schema: dict[str, Any]) -> dict[str, Any]:
    """The least that the document demands, said by the document alone."""
    return {name: _value(schema["properties"][name]) for name in schema.get("required", [])}


def _value(schema: dict[str, Any]) -> object:
    if schema.get("format") == "uri":
        return "https://example.com/a.png"
    if schema["type"] == "number":
        return schema.get("default", schema.get("minimum", 1))
    return schema.get("default") or (schema.get("enum") or ["1"])[-1]


def answers(world: World, name: str, fields: dict[str, Any]) -> list[tuple[str, Reply]]:
    """A run and all that can be asked about it, each with the schema that its document promises."""
    ran = post(world, f"/v1/Run/{name.replace(' ', '%20')}", fields)
    task = {"taskid": ran.json.get("taskid", "")}
    detail = post(world, "/v1/Task/Detail", task)
    kill = post(world, "/v1/Task/Kill", task)
    return [("RunTaskResponse", ran), ("TaskDetailResponse", detail), ("TaskDetailResponse", kill)]


@pytest.mark.parametrize("profile", PROFILES)
def test_every_answer_conforms_to_the_documents(profile: str) -> None:
    """For every shipped model, each key of the task and of its outputs is in the document, and none is missing."""
    world = make_world(time="auto", profile=switch(PROFILES[profile], "stop_total=true"))
    for name in NAMES:
        components = closed(spec(name, profile=PROFILES[profile])["components"]["schemas"])
        fields = filled(components["RunToolSchema"] | {"required": run_schema(name).get("required", [])})
        for schema, reply in answers(world, name, fields):
            assert reply.json["result"] is True, (name, fields, world.journal.entries()[-1].outcome.reason)
            assert reply.status == 200
            check(reply.json, schema, components)


@pytest.mark.parametrize("setting", ["error_status=200", "error_status=mapped", "error_time=false"])
def test_what_is_refused_conforms_too(setting: str) -> None:
    """With a status that the document lists, and its content."""
    profile = switch(Profile(), setting)
    world = make_world(profile=profile)
    shown = spec("pruna/p-image", profile=profile)
    components = shown["components"]["schemas"]
    wrong = {**signed(), "x-signature": "0" * 64}
    for path, fields, headers in [
        ("/Run/pruna/p-image", {}, signed()),
        ("/Run/pruna/p-image", {}, {}),
        ("/Run/pruna/p-image", {}, wrong),
        ("/Task/Detail", {"taskid": "1"}, signed()),
        ("/Task/Cancel", {}, signed()),
        ("/Task/Kill", {}, wrong),
    ]:
        reply = post(world, f"/v1{path}", fields, headers=headers)
        content = shown["paths"][path]["post"]["responses"][str(reply.status)]["content"]["application/json"]
        name = content["schema"]["$ref"].rpartition("/")[2]
        check(reply.json, name, components)
        check(reply.json, "FailureResponse", closed(components))


def test_the_check_finds_what_is_broken() -> None:
    """A key too many, one too few, and another type are seen by the checks above."""
    components = closed(spec("pruna/p-image")["components"]["schemas"])
    good = {"errors": [], "taskid": "1", "socketaccesstoken": "x", "result": True}
    check(good, "RunTaskResponse", components)
    for bad in ({**good, "more": 1}, {**good, "taskid": 1}, {"errors": [], "result": True}):
        with pytest.raises(AssertionError):
            check(bad, "RunTaskResponse", components)
