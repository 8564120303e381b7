"""The pages for language models: their form, who may ask, and that what they tell a shell to do works."""

from __future__ import annotations

import json
import re
from decimal import Decimal

import pytest

from tests.api.catalogue_kit import painter, world_of
from tests.api_kit import CAPTION, JSON, ORIGIN, make_world, post, send, signed
from wiro_mock.api.llms import llms_text
from wiro_mock.api.origin import WIRO
from wiro_mock.kernel.catalog import Model, Parameter
from wiro_mock.loader import load_models, shipped

PAGE = "/models/moondream3-preview/caption/llms.txt"
FULL = "/models/moondream3-preview/caption/llms-full.txt"
MODELS = load_models(shipped())


def test_the_form_is_that_of_wiros_pages() -> None:
    """Word for word, up to the calls; the calls follow in the order of Wiro's pages (page.md)."""
    text = llms_text(painter(), "http://here:1", full=True)
    facts, _, flow = text.partition("## Integration Header Prepare\n")
    assert facts == (
        "## Basic tool info\n"
        "\n"
        "Model name: Acme Inc/Painter.2\n"
        "Model description: A picture from a prompt.\n"
        "Model cover: https://example.com/painter.png\n"
        "Model categories:\n"
        "  - text-to-image\n"
        "  - image-editing\n"
        "\n"
        "Model tags:\n"
        "  - Oil\n"
        "  - chalk\n"
        "\n"
        "Run Task Endpoint (POST):\n"
        "http://here:1/v1/Run/acme-inc/painter-2\n"
        "\n"
        "Get Task Detail Endpoint (POST):\n"
        "http://here:1/v1/Task/Detail\n"
        "\n"
        "## Model Inputs:\n"
        "\n"
        "  - name: prompt\n"
        "    label: Prompt\n"
        "    help: what to paint\n"
        "    type: textarea\n"
        "    default: \n"
        "\n"
        "  - name: steps\n"
        "    label: Steps\n"
        "    help: \n"
        "    type: number\n"
        "    default: 25\n"
        "\n"
        "  - name: ratio\n"
        "    label: Ratio\n"
        "    help: \n"
        "    type: select\n"
        "    default: 1:1\n"
        "    options:\n"
        '      - value: ""\n'
        "        label: \n"
        "\n"
        '      - value: "1:1"\n'
        "        label: 1:1\n"
        "\n"
        '      - value: "16:9"\n'
        "        label: 16:9\n"
        "\n"
        "  - name: inputImage\n"
        "    label: Input Image\n"
        "    help: \n"
        "    type: combinefileinput\n"
        "    default: \n"
        "\n"
        "## Model Parameter Inspires:\n"
        "\n"
        "  - prompt: a cat\n"
        "  - steps: 30\n"
        "\n"
        "  - prompt: a dog\n"
        "\n"
    )
    assert re.findall(r"^## (.*)$", flow, flags=re.MULTILINE) == [
        "Run Command - Make HTTP Post Request",
        "Run Command - Response",
        "Get Task Detail - Make HTTP Post Request with Task ID",
        "Get Task Detail - Make HTTP Post Request with Socket Access Token",
        "Kill Task - Make HTTP Post Request with Task ID",
        "Cancel Task - Make HTTP Post Request (For tasks on queue)",
    ]


def test_the_short_page_has_all_but_the_examples() -> None:
    """And a model without examples, tags or parameters has no such sections."""
    model = painter()
    full, short = (llms_text(model, "http://here:1", full=full) for full in (True, False))
    before, _, after = full.partition("## Model Parameter Inspires:")
    assert short == before + after[after.index("## Integration") :]
    bare = Model(id="1", owner="acme", slug="bare", kind="text", cps=Decimal(1))
    text = llms_text(bare, WIRO, full=True)
    assert "Inspires" not in text
    assert "tags" not in text
    assert "categories" not in text
    assert "Model cover: https://cdn.wiro.ai/uploads/models/acme-bare-cover.png\n" in text
    assert "## Model Inputs:\n\n## Integration Header Prepare\n" in text


def test_texts_that_a_reader_could_mistake_stand_in_quotes() -> None:
    """Quotes and backslashes inside options, and defaults with spaces or quotes at their ends."""
    options = Parameter(id="o", type="select", options=('a "b"', "c\\d"), default=' a "x" ')
    text = llms_text(painter(parameters=(options,)), WIRO, full=False)
    assert '      - value: "a \\"b\\""\n        label: a "b"\n' in text
    assert '      - value: "c\\\\d"\n' in text
    assert '    default: " a \\"x\\" "\n' in text


@pytest.mark.parametrize("headers", [{}, signed(), {"x-api-key": "nobody's"}])
def test_pages_are_public_plain_text(headers: dict[str, str]) -> None:
    """Also for HEAD; in every form of the names."""
    world = make_world()
    for path in (PAGE, FULL, "/models/Moondream3%20Preview/CAPTION/llms.txt"):
        reply = send(world, "GET", path, headers=headers)
        assert (reply.status, reply.headers["content-type"]) == (200, "text/plain; charset=utf-8")
        assert reply.content.decode().startswith("## Basic tool info\n\nModel name: moondream3-preview/caption\n")
        assert f"{ORIGIN}{CAPTION}\n" in reply.content.decode()
        head = send(world, "HEAD", path, headers=headers)
        assert (head.content, head.headers["content-length"]) == (b"", str(len(reply.content)))
    assert world.journal.entries()[-1].outcome.signed == "public"


@pytest.mark.parametrize("name", ["llms.txt", "llms-full.txt"])
def test_a_model_that_is_not_there_is_wiros_404(name: str) -> None:
    """Clients look whether there is one (clients.md §1 line 39), so it is nothing that fails a test."""
    world = make_world()
    reply = send(world, "GET", f"/models/moondream3-preview/captoin/{name}")
    assert (reply.status, reply.error["code"], reply.error["message"]) == (404, 0, "Error parsing url.")
    outcome = world.journal.entries()[-1].outcome
    assert outcome.reason.startswith("no model moondream3-preview/captoin in the catalogue; did you mean ")
    assert not outcome.unexpected


@pytest.mark.parametrize(
    ("path", "near"),
    [
        ("/models/a/b/llm.txt", "GET /models/a/b/llms.txt"),
        ("/models/a/b/llms-ful.txt", "GET /models/a/b/llms-full.txt"),
        ("/v1/Tool/Lists", "POST /v1/Tool/List"),
    ],
)
def test_a_path_that_is_nearly_right_is_told_as_it_should_be(path: str, near: str) -> None:
    """With /v1 only where it belongs."""
    world = make_world()
    assert send(world, "POST" if "Tool" in path else "GET", path).status == 404
    assert world.journal.entries()[-1].outcome.reason.endswith(f"did you mean {near}?")


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_every_shipped_model_has_both_pages_with_all_of_its_parameters(model: Model) -> None:
    """And the bodies in its calls are JSON, of all parameters with their defaults."""
    for full in (True, False):
        text = llms_text(model, WIRO, full=full)
        assert re.findall(r"^  - name: (.*)$", text, flags=re.MULTILINE) == [one.id for one in model.parameters]
        bodies = [
            json.loads(one.replace("'\\''", "'")) for one in re.findall(r"-d '(.*?)'\n```", text, flags=re.DOTALL)
        ]
        assert bodies[0] == {one.id: one.default or "" for one in model.parameters}
        assert len(bodies) == 5


def test_the_run_of_a_page_runs() -> None:
    """With the defaults that it lists: an empty text counts as not given."""
    world = make_world()
    text = send(world, "GET", PAGE).content.decode()
    (url, body), *_ = re.findall(r'curl -X POST "(.*?)".*?-d \'(.*?)\'\n```', text, flags=re.DOTALL)
    reply = send(world, "POST", url.removeprefix(ORIGIN), body.encode(), content_type=JSON, headers=signed())
    assert reply.json["result"] is True
    assert post(world, "/v1/Task/Detail", {"taskid": reply.json["taskid"]}).json["tasklist"][0]["parameters"] == {
        "inputImage": "", "length": "normal", "temperature": "0.7", "top_p": "0.95",
    }  # fmt: skip


def test_a_page_of_any_text_can_be_sent() -> None:
    """Lone surrogates too; a quote in a default does not end the shell's text."""
    parameter = Parameter(id="p", type="text", default="it's \ud800 'so'")
    world = world_of([painter(parameters=(parameter,), description="\ud800")])
    reply = send(world, "GET", "/models/acme-inc/painter-2/llms.txt")
    assert reply.status == 200
    assert "it'\\''s" in reply.content.decode()
