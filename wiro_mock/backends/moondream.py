"""The four skills of moondream3-preview, answered by anything that speaks the Moondream HTTP protocol.

What Wiro's runs say becomes what an engine is asked, and its answer what a task shows. The image travels as it came:
it is fetched here, with limits, and decoded by the engine.
"""

from __future__ import annotations

import base64
import json
import math
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from wiro_mock.backends.endpoint import SILENCE_SECONDS, Chunk, Endpoint, Head, Whole, read_endpoint
from wiro_mock.backends.fetching import LARGEST, Fetcher
from wiro_mock.backends.job import Backend, BackendError, Job
from wiro_mock.kernel import events as e
from wiro_mock.kernel.events import Event

NAME: Final = "moondream"
MODELS: Final = "moondream3-preview/*"
ENDPOINT_VARIABLE: Final = "WIRO_MOCK_MOONDREAM_ENDPOINT"
KEY_VARIABLE: Final = "MOONDREAM_API_KEY"
LENGTHS: Final = ("short", "normal", "long")
MOST_TOKENS: Final = 768
MOST_OBJECTS: Final = 150
"""The documented defaults of the model's own code; no parameter of Wiro's sets them."""
_IMAGE: Final = "inputImage"

Engine = Callable[[Job], Endpoint]
"""Where the engine is. May wait for it, and raise `BackendError` where it does not come."""


@dataclass(frozen=True, slots=True)
class Skill:
    """What a skill answers under, and what it is asked in the protocol. Wiro's parameter is `prompt` for all three: for
    detect and point our choice, after the one client in which query's was seen (scenarios/models).
    """

    answer: str
    asked: str = ""


SKILLS: Final[Mapping[str, Skill]] = {
    "caption": Skill("caption"),
    "query": Skill("answer", "question"),
    "detect": Skill("objects", "object"),
    "point": Skill("points", "object"),
}


def at(url: str, *, key: str = "", fetch_hosts: Iterable[str] = (), silence: float = SILENCE_SECONDS) -> Backend:
    """A backend that asks the engine at this URL. Raises `ValueError` for what is none."""
    endpoint = read_endpoint(url, key=key or os.environ.get(KEY_VARIABLE, ""), seconds=silence)
    return behind(lambda _: endpoint, fetch_hosts=fetch_hosts)


def behind(engine: Engine, *, fetch_hosts: Iterable[str] = ()) -> Backend:
    """A backend that asks whichever engine there is."""
    fetcher = Fetcher(hosts=frozenset(host.lower().strip("[]") for host in fetch_hosts))
    return lambda job: _play(job, engine, fetcher)


def run(job: Job) -> Iterator[Event]:
    """The backend for scenarios: `backend: {use: moondream, options: {endpoint: URL}}`, or the endpoint in
    WIRO_MOCK_MOONDREAM_ENDPOINT; further options are `fetch_hosts` and `silence` (seconds).
    """
    url = str(job.options.get("endpoint") or os.environ.get(ENDPOINT_VARIABLE, ""))
    if not url:
        raise BackendError(f"no endpoint; write options: {{endpoint: URL}}, or set {ENDPOINT_VARIABLE}")
    hosts, silence = job.options.get("fetch_hosts", []), job.options.get("silence", SILENCE_SECONDS)
    if not isinstance(hosts, list) or isinstance(silence, bool) or not isinstance(silence, int | float) or silence <= 0:
        raise BackendError("options: fetch_hosts is a list of names, silence a number of seconds above 0")
    try:
        yield from at(url, fetch_hosts=map(str, hosts), silence=silence)(job)
    except ValueError as error:
        raise BackendError(str(error)) from None


def _play(job: Job, engine: Engine, fetcher: Fetcher) -> Iterator[Event]:
    name = job.model.partition("/")[2]
    if name not in SKILLS:
        raise BackendError(f"moondream has no skill '{name}'; it has: {', '.join(SKILLS)}")
    yield e.PreprocessStarted()
    body = {"image_url": _picture(job, fetcher), **_asked(job, name)}
    yield e.PreprocessEnded()
    yield e.Assigned()
    endpoint = engine(job)
    said = ""
    answer: Mapping[str, object] | None = None
    for piece in endpoint.ask(name, body, job):
        match piece:
            case Head():
                yield e.Started()
            case Chunk(text=text):
                said += text
                yield job.say(text)
            case Whole(answer=whole):
                answer = whole
    yield from _outcome(job, SKILLS[name], said, answer)


def _outcome(job: Job, skill: Skill, said: str, answer: Mapping[str, object] | None) -> Iterator[Event]:
    """The file, and the same text in the log: real clients read either (design §11). The names are our choice."""
    if answer is None:
        yield job.produce("0.txt", said.strip())
        return
    value = answer.get(skill.answer)
    is_text = skill.answer in ("caption", "answer")
    if value is not None and not isinstance(value, str if is_text else list):
        raise BackendError(f"the engine's {skill.answer} is no {'text' if is_text else 'list'}: {value!r:.100}")
    if value is None:
        raise BackendError(f"the engine's answer has no {skill.answer}; it has: {', '.join(answer) or 'nothing'}"[:500])
    if isinstance(value, str):
        yield job.say(value)
        yield job.produce("0.txt", value.strip())
        return
    text = json.dumps({skill.answer: value}, ensure_ascii=False)
    yield job.print(text)
    yield job.produce("0.json", text, "application/json")


# -- what is asked -----------------------------------------------------------------------------------------


def _asked(job: Job, name: str) -> dict[str, object]:
    """The parameters of a run, as the protocol has them. Raises `BackendError` for what cannot be."""
    streams = name in ("caption", "query")
    asked: dict[str, object] = {"stream": streams}
    if name == "caption":
        asked["length"] = _length(job.value("length", "normal"))
    else:
        prompt = job.value("prompt")
        if not prompt.strip():
            raise BackendError("prompt: it is empty; ask something, or name what is to be found")
        asked[SKILLS[name].asked] = prompt
    if name == "query":
        asked["reasoning"] = False  # always said, for the defaults differ: the model's own code reasons, its client not
    asked["settings"] = _sampling(job) if streams else {"max_objects": MOST_OBJECTS}
    return asked


def _length(text: str) -> str:
    if text.lower() not in LENGTHS:
        raise BackendError(f"length: it is short, normal or long, not {text[:60]!r}")
    return text.lower()


def _sampling(job: Job) -> dict[str, object]:
    temperature, top_p = _number(job, "temperature", "0.7"), _number(job, "top_p", "0.95")
    if temperature < 0:
        raise BackendError(f"temperature: it is a number from 0 (the likeliest words), not {temperature:g}")
    if not 0 <= top_p <= 1:
        raise BackendError(f"top_p: it is a number from 0 to 1, not {top_p:g}")
    if top_p == 0:  # nothing but the likeliest word is left, which is what a temperature of 0 says
        return {"temperature": 0.0, "top_p": 1.0, "max_tokens": MOST_TOKENS}
    return {"temperature": temperature, "top_p": top_p, "max_tokens": MOST_TOKENS}


def _number(job: Job, name: str, otherwise: str) -> float:
    text = job.value(name, otherwise)
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise BackendError(f"{name}: it is a number such as {otherwise}, not {text[:60]!r}")
    return number


# -- the picture -------------------------------------------------------------------------------------------


def _picture(job: Job, fetcher: Fetcher) -> str:
    """The run's one picture as a data URL, undecoded."""
    inputs = job.inputs(_IMAGE)
    if len(inputs) != 1:
        many = f"{len(inputs)} were sent" if inputs else "none was sent"
        raise BackendError(f"{_IMAGE}: it takes one picture, as a file or a URL, and {many}")
    (given,) = inputs
    if given.size > LARGEST:
        raise BackendError(f"{_IMAGE}: the picture is larger than {LARGEST >> 20} MiB")
    if given.is_here:
        data, kind = given.read(), given.contenttype
    else:
        try:
            fetched = fetcher.fetch(given.url, job)
        except BackendError as error:
            raise BackendError(f"{_IMAGE}: {error}") from None
        data, kind = fetched.data, fetched.contenttype
    if not data:
        raise BackendError(f"{_IMAGE}: the picture has 0 bytes")
    kind = kind if kind.startswith("image/") else "application/octet-stream"
    return f"data:{kind.partition(';')[0]};base64,{base64.b64encode(data).decode()}"
