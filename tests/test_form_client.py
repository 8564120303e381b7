"""A client that knows no model: it finds them in the list, reads their forms, fills them in, runs them, and looks at
what comes back.

It knows what is documented for all models: what a parameter's type asks for, how files are sent, and which categories
stand for which kind of output. The files that it sends are real ones.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import httpx
import pytest

from tests import media_kit
from tests.api_kit import make_world, signed
from wiro_mock.asgi import create_app
from wiro_mock.language.media import png, sample
from wiro_mock.language.sounds import wav
from wiro_mock.mock import World
from wiro_mock.respx_router import make_router
from wiro_mock.server import ServerThread

API: Final = "https://api.wiro.ai"
FILES: Final = ("fileinput", "multifileinput", "combinefileinput")
NUMBERS: Final = ("number", "float", "integer", "numeric", "range")
UPLOADS: Final = {
    "image": ("in.png", png(64, 48, "#a1b2c3"), "image/png"),
    "audio": ("in.wav", wav(0.5, 300), "audio/wav"),
    "video": ("in.mp4", sample("mp4"), "video/mp4"),
    "document": ("in.pdf", sample("pdf"), "application/pdf"),
}
KINDS: Final = {
    "image": "image", "video": "video", "talking-head": "video", "speech": "audio", "music": "audio", "song": "audio",
    "voice-clone": "audio", "text": "text", "3d-generation": "3d", "llm": "llm", "rag": "llm", "chat": "llm",
    "image-editing": "image", "hr-tools": "json", "realtime-conversation": "realtime",
    "realtime-text-to-speech": "realtime", "realtime-speech-to-text": "realtime",
}  # fmt: skip
"""What the end of a category stands for."""


@dataclass(frozen=True, slots=True)
class Form:
    """A model as the client has read it, and what it fills in."""

    owner: str
    slug: str
    categories: list[str]
    items: list[dict[str, Any]]
    fields: dict[str, str] = field(default_factory=dict)
    files: list[tuple[str, tuple[str, bytes, str]]] = field(default_factory=list)

    @property
    def name(self) -> str:
        return f"{self.owner}/{self.slug}"

    @property
    def kind(self) -> str:
        """The kind of output, from the first category that tells of one."""
        for category in self.categories:
            if kind := KINDS.get(category) or KINDS.get(category.rpartition("-to-")[2]):
                return kind
        raise AssertionError(f"{self.name}: none of {self.categories} tells what comes out")

    def fill(self, *, only_required: bool) -> None:
        """Fill in every item, or those that must be."""
        ids = {item["id"] for item in self.items if item["type"] in FILES}
        for item in self.items:
            if only_required and not item["required"]:
                continue
            if item["type"] in FILES:
                self.files.append((item["id"], _upload(item["id"])))
            elif not {item["id"].removesuffix("Url"), item["id"].replace("Url", "", 1)} & ids:
                self.fields[item["id"]] = _value(item)
            else:
                self.fields[item["id"]] = ""  # the field for URLs beside a field with a file (rest.md §5.4)


def _upload(name: str) -> tuple[str, bytes, str]:
    """A file of the kind that a parameter's name speaks of; inputAll takes any."""
    return next((file for word, file in UPLOADS.items() if word in name.lower()), UPLOADS["image"])


def _value(item: dict[str, Any]) -> str:
    """What somebody would leave, choose or type."""
    options = [option["value"] for option in item.get("options", [])]
    assert not options or all(option["label"] == option["text"] for option in item["options"])
    default = str(item["default"])
    if default or default in options:
        return default
    if options:
        return str(options[0])
    if item["type"] in NUMBERS or "min" in item:
        return str(item.get("min", item.get("max", 1)))
    return {"select": "1", "selectwithcover": "1", "checkbox": "false"}.get(item["type"], "a cat")


@dataclass(frozen=True, slots=True)
class FormClient:
    """Speaks to one origin."""

    http: httpx.Client
    origin: str = API

    def forms(self) -> Iterator[Form]:
        """Every model on offer, page by page, each with its form."""
        start, total = 0, 1
        while start < total:
            # Strings, as Wiro's own client sends them.
            page = self._post("Tool/List", {"start": str(start), "limit": "20"})
            assert page["tool"], f"an empty page at {start} of {page['total']}"
            for tool in page["tool"]:
                yield self.form(tool["cleanslugowner"], tool["cleanslugproject"])
            start, total = start + len(page["tool"]), int(page["total"])

    def form(self, owner: str, slug: str) -> Form:
        """One model's form."""
        [tool] = self._post("Tool/Detail", {"slugowner": owner, "slugproject": slug})["tool"]
        items = [item for group in tool["parameters"] or [] for item in group["items"]]
        return Form(owner, slug, tool["categories"], items)

    def run(self, form: Form) -> dict[str, Any]:
        """The task at its end."""
        url = f"{self.origin}/v1/Run/{form.owner}/{form.slug}"
        answer = self.http.post(url, data=form.fields, files=form.files or None, headers=signed()).json()
        assert answer["result"], (form.name, form.fields, answer["errors"])
        [task] = self._post("Task/Detail", {"tasktoken": answer["socketaccesstoken"]}, headers=signed())["tasklist"]
        assert (task["status"], task["pexit"], task["debugerror"]) == ("task_postprocess_end", "0", "")
        return dict(task)

    def download(self, output: dict[str, Any]) -> bytes:
        """An output's bytes; they are what the task says of them (clients.md §1 line 4)."""
        answer = self.http.get(output["url"])
        assert (answer.status_code, answer.headers["content-type"]) == (200, output["contenttype"])
        assert output["name"]
        assert output["size"] == str(len(answer.content))
        return answer.content

    def _post(self, operation: str, fields: dict[str, Any], headers: dict[str, str] | None = None) -> dict[str, Any]:
        answer: dict[str, Any] = self.http.post(f"{self.origin}/v1/{operation}", json=fields, headers=headers).json()
        assert answer["result"], (operation, fields, answer)
        return answer


# -- what comes back


def check_output(client: FormClient, form: Form, task: dict[str, Any]) -> None:
    """It is of the kind that the model's categories promise, and opens."""
    [output] = task["outputs"]
    if form.kind == "llm":
        _check_answer(client, output, task)
        return
    data = client.download(output)
    match form.kind, output["contenttype"]:
        case "image", _:
            _check_picture(form, output, media_kit.picture(data))
        case "video", "video/mp4":
            assert media_kit.mp4(data)["seconds"] == 2
        case "audio", "audio/wav":
            assert media_kit.wav(data).hz == pytest.approx(440, abs=3)
        case "audio", "audio/mpeg":
            assert form.fields["outputFormat"].startswith("mp3")
            assert media_kit.mp3(data) == pytest.approx(2, abs=0.15)
        case "3d", "model/gltf-binary":
            assert media_kit.glb(data)["meshes"]
        case "document", "application/pdf":
            assert media_kit.pdf(data)
        case "json", "application/json":
            assert json.loads(data)
        case "text", "text/plain":
            assert data.decode().strip() == task["debugoutput"]
        case _:
            raise AssertionError(f"{form.name} promises {form.kind}, and sends {output['contenttype']}")


def _check_picture(form: Form, output: dict[str, Any], found: media_kit.Picture) -> None:
    defaults = {item["id"]: str(item["default"]) for item in form.items}
    names = ("width", "height", "size", "resolution", "outputFormat")
    asked = {name: form.fields.get(name) or defaults.get(name) for name in names}
    width, _, height = next((asked[name] or "" for name in names[2:4] if "x" in (asked[name] or "")), "").partition("x")
    if asked["width"] or asked["height"] or not width.isdecimal():
        width, height = asked["width"] or "512", asked["height"] or "512"
    assert found.size == (int(width), int(height))
    word = (asked["outputFormat"] or "png").replace("jpg", "jpeg")
    assert (found.format.lower(), output["contenttype"]) == (word, f"image/{word}")


def _check_answer(client: FormClient, output: dict[str, Any], task: dict[str, Any]) -> None:
    """A language model's answer stands in the log, and in the output: as `raw` content, or as a text file."""
    assert task["debugoutput"]
    if output["contenttype"] == "raw":
        assert "\n\n".join(output["content"]["answer"]) == task["debugoutput"]
    else:
        assert output["contenttype"] == "text/plain"
        assert client.download(output).decode().strip() == task["debugoutput"]


# -- the tests


@pytest.fixture(scope="module")
def http() -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False) as client:  # made once: making one takes longer than a run
        yield client


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    world = make_world(time="auto")
    yield world
    world.close()


@pytest.mark.parametrize("only_required", [True, False], ids=["what must be", "everything"])
def test_a_client_that_knows_no_model_runs_every_model(
    http: httpx.Client, world: World, *, only_required: bool
) -> None:
    """From the list to a file that opens, for all of them; every kind of output comes up.

    But for those of realtime sessions: they send no file, and some wait until somebody has spoken. What runs them is
    `test_realtime_clients`.
    """
    with make_router(world):
        client = FormClient(http)
        forms = [form for form in client.forms() if form.kind != "realtime"]
        for form in forms:
            form.fill(only_required=only_required)
            check_output(client, form, client.run(form))
    names = {form.name for form in forms}
    others = {model.name for model in world.catalog if model.kind.startswith("realtime")}
    assert len(names) == len(forms) == len(list(world.catalog)) - len(others)
    assert len(others) == 5
    assert {form.kind for form in forms} == {"image", "video", "audio", "text", "json", "3d", "llm"}


def test_it_says_what_it_sent(http: httpx.Client, world: World) -> None:
    """Files are stored, and come back by their URLs; numbers stay the texts that a form sends."""
    with make_router(world):
        client = FormClient(http)
        form = client.form("alibaba-quark", "live-avatar")
        form.fill(only_required=False)
        parameters = client.run(form)["parameters"]
        assert {name for name, _ in form.files} == {"inputImage", "inputAudio"}
        assert (parameters["inputImageUrl"], parameters["inputAudioUrl"], parameters["seed"]) == ("", "", "42")
        assert media_kit.wav(http.get(parameters["inputAudio"]).content).hz == pytest.approx(300, abs=4)
        assert media_kit.picture(http.get(parameters["inputImage"]).content).size == (64, 48)


@pytest.mark.parametrize(
    "name",
    [
        "moondream3-preview/caption",
        "openai/gpt-image-2",
        "openai/sora-2",
        "elevenlabs/text-to-speech",
        "qwen/qwen3-tts-12hz-1-7b",
        "microsoft/trellis-2",
        "wiro/ai-resume-cv-parser",
        "openai/gpt-5-2",
    ],
)
def test_and_so_it_does_over_a_real_socket(http: httpx.Client, live: str, name: str) -> None:
    """One model of every kind of output, and both formats of sound."""
    client = FormClient(http, live)
    form = client.form(*name.split("/"))
    form.fill(only_required=False)
    check_output(client, form, client.run(form))


@pytest.fixture(scope="module")
def live(world: World) -> Iterator[str]:
    with ServerThread(create_app(world)) as thread:
        yield thread.url
