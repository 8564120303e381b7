"""A model's pages for language models: `llms.txt` and `llms-full.txt`, at the path that Wiro's site has them.

The form is that of Wiro's own pages (page.md): sections of plain text, which say neither which parameters are required
nor what their ranges are. `published/llms_text.py` reads that form back. What stands under the headings after the
parameters is ours: the calls, with the addresses of the server that was asked.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from wiro_mock.api import jsontext
from wiro_mock.api.answers import Answer
from wiro_mock.api.messages import Outcome, Request, Response, World
from wiro_mock.api.origin import origins
from wiro_mock.api.pictures import cover_url
from wiro_mock.kernel.catalog import CHOICES, Model, Parameter
from wiro_mock.kernel.refusals import No, Refusal

HEADERS: Final = (("content-type", "text/plain; charset=utf-8"),)
_SIGN: Final = """\
export YOUR_API_KEY="" YOUR_API_SECRET=""   # of your project
export NONCE=$(date +%s)                    # or any integer
export SIGNATURE="$(echo -n "${YOUR_API_SECRET}${NONCE}" | openssl dgst -sha256 -hmac "${YOUR_API_KEY}")"
"""
_STARTED: Final = '{"errors":[],"taskid":"2221","socketaccesstoken":"eDcCm5yyUfIvMFspTwww49OUfgXkQt","result":true}\n'


def fetch_llms(world: World, request: Request, owner: str, model: str) -> Answer:
    """`GET /models/{owner}/{model}/llms.txt`: without the example inputs."""
    return _page(world, request, owner, model, full=False)


def fetch_llms_full(world: World, request: Request, owner: str, model: str) -> Answer:
    """`GET /models/{owner}/{model}/llms-full.txt`: with them."""
    return _page(world, request, owner, model, full=True)


def _page(world: World, request: Request, owner: str, model: str, *, full: bool) -> Answer:
    """The page, or Wiro's 404. A client that looks for a page may find none, so that is not unexpected."""
    try:
        found = world.catalog.resolve(owner, model)
    except Refusal as refusal:
        raise No.ROUTE.refusal(reason=refusal.reason) from None
    text = llms_text(found, origins(request.origin).api, full=full)
    return Answer(Response(headers=HEADERS, content=text.encode(errors="replace")), Outcome())


def llms_text(model: Model, api_origin: str, *, full: bool) -> str:
    """The page of a model; `full` adds its example inputs. `api_origin` is where its calls are to be sent."""
    sections = [*_info(model, api_origin), *_inputs(model)]
    if full and model.inspire:
        sections.append("## Model Parameter Inspires:\n")
        for example in model.inspire:
            sections += [*(f"  - {name}: {_plain(value)}" for name, value in example.items()), ""]
    return "\n".join([*sections, *_flow(model, f"{api_origin}/v1")])


def _info(model: Model, api_origin: str) -> Iterator[str]:
    yield "## Basic tool info\n"
    yield f"Model name: {model.name}"
    yield f"Model description: {model.description}"
    yield f"Model cover: {cover_url(model, api_origin)}"
    for name, words in (("categories", model.categories), ("tags", model.tags)):
        if words:
            yield f"Model {name}:"
            yield from (f"  - {word}" for word in words)
            yield ""
    yield f"Run Task Endpoint (POST):\n{api_origin}/v1/Run/{model.clean_name}\n"
    yield f"Get Task Detail Endpoint (POST):\n{api_origin}/v1/Task/Detail\n"


def _inputs(model: Model) -> Iterator[str]:
    yield "## Model Inputs:\n"
    for parameter in model.parameters:
        yield from _block(parameter)


def _block(parameter: Parameter) -> Iterator[str]:
    yield f"  - name: {parameter.id}"
    yield f"    label: {parameter.shown_label}"
    yield f"    help: {parameter.note}"
    yield f"    type: {parameter.type}"
    yield f"    default: {_plain(parameter.default or '')}"
    if parameter.type in CHOICES:
        yield "    options:"
        for value, label in parameter.shown_options:
            yield f"      - value: {_quoted(value)}\n        label: {label}\n"
        if parameter.options:
            return
    yield ""


def _flow(model: Model, base: str) -> Iterator[str]:
    """How to sign, run, follow and stop, each a block that a shell can run, and what comes back."""
    values = {one.id: one.default or "" for one in model.parameters} or dict(model.defaults)
    yield from ("## Integration Header Prepare", _fenced("bash", _SIGN))
    yield from ("## Run Command - Make HTTP Post Request", _call(f"{base}/Run/{model.clean_name}", values))
    yield from ("## Run Command - Response", _fenced("json", _STARTED))
    by_id, by_token = {"taskid": "2221"}, {"tasktoken": "eDcCm5yyUfIvMFspTwww49OUfgXkQt"}
    for title, name, fields in (
        ("Get Task Detail - Make HTTP Post Request with Task ID", "Detail", by_id),
        ("Get Task Detail - Make HTTP Post Request with Socket Access Token", "Detail", by_token),
        ("Kill Task - Make HTTP Post Request with Task ID", "Kill", by_id),
        ("Cancel Task - Make HTTP Post Request (For tasks on queue)", "Cancel", by_id),
    ):
        yield from (f"## {title}", _call(f"{base}/Task/{name}", fields))


def _call(url: str, fields: dict[str, str]) -> str:
    lines = ",\n".join(f"  {jsontext.dumps(name)}: {jsontext.dumps(value)}" for name, value in fields.items())
    body = f"{{\n{lines}\n}}".replace("'", "'\\''")
    headers = ("Content-Type: application/json", "x-api-key: ${YOUR_API_KEY}", "x-nonce: ${NONCE}")
    options = " \\\n".join(f'  -H "{header}"' for header in (*headers, "x-signature: ${SIGNATURE}"))
    return _fenced("bash", f"curl -X POST \"{url}\" \\\n{options} \\\n  -d '{body}'\n")


def _fenced(language: str, text: str) -> str:
    return f"```{language}\n{text}```\n"


def _plain(value: str) -> str:
    """A text as it stands; in quotes where a reader would lose some of it, or take its own quotes off."""
    edges = value[:1] + value[-1:]
    return _quoted(value) if value != value.strip() or edges in {'""', "''"} else value


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
