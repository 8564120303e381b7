"""moondream3-preview behind an endpoint: what a run says, what the engine is asked, and whatever the engine does."""

from __future__ import annotations

import base64
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.api_kit import make_world, multipart, part, post, send, signed
from tests.api_kit import run as run_task
from tests.engine_kit import WORDS, Engine, Exchange, engine
from tests.live_kit import PATIENCE, eventually
from wiro_mock import Misuse, WiroMock
from wiro_mock.backends import BackendError, endpoint, fetching, moondream
from wiro_mock.casting import Standing
from wiro_mock.kernel import events as e
from wiro_mock.kernel.task import Task
from wiro_mock.mock import World

PNG = b"\x89PNG\r\n\x1a\n not decoded by anybody here"
CAPTION = "A tabby cat asleep."


@pytest.fixture
def fake() -> Iterator[Engine]:
    with engine() as one:
        yield one


@pytest.fixture
def world(fake: Engine) -> Iterator[World]:
    made = world_at(fake.url)
    yield made
    made.close()


def world_at(url: str, **more: Any) -> World:
    backend = moondream.at(url, **more)
    return make_world(standing=[Standing(name="moondream", model=moondream.MODELS, backend=backend)])


def start(world: World, skill: str = "caption", picture: bytes = PNG, **fields: str) -> str:
    """A run as clients make one: a form with a file; its task's id."""
    parts = [part("inputImage", picture, filename="cat.png", kind="image/png")]
    body, kind = multipart([*parts, *(part(name, value) for name, value in fields.items())])
    path = f"/v1/Run/moondream3-preview/{skill}"
    answer = send(world, "POST", path, body, content_type=kind, headers=signed()).json
    assert answer["result"] is True, answer
    return str(answer["taskid"])


def ended(world: World, task_id: str) -> Task:
    def is_over() -> bool:
        with world.lock:
            task = world.sim.task(task_id)
            return task is not None and task.finished

    eventually(is_over)
    task = world.sim.task(task_id)
    assert task is not None
    return task


def kinds(world: World, task_id: str) -> list[type[e.Event]]:
    return [type(entry.event) for entry in world.sim.log(task_id)]


# -- what is asked, and what comes of it -----------------------------------------------------------------


def test_a_caption_streams_and_is_kept(world: World, fake: Engine) -> None:
    """Every status of a task's life, each word a task_output, the file and the log; the engine got the very bytes."""
    task_id = start(world, length="short", temperature="0.25", top_p="0.5")
    task = ended(world, task_id)
    assert (task.exit_code, task.debugoutput, task.stderr) == (0, CAPTION, "")
    assert kinds(world, task_id) == [
        e.Queued,
        e.Accepted,
        e.PreprocessStarted,
        e.PreprocessEnded,
        e.Assigned,
        e.Started,
        *[e.Output] * len(WORDS),
        e.Produced,
        e.OutputEnded,
        e.Exited,
        e.PostprocessStarted,
        e.PostprocessEnded,
    ]
    (output,) = task.outputs
    assert (output.name, output.blob.contenttype, world.blobs.read(output.blob)) == (
        "0.txt",
        "text/plain",
        CAPTION.encode(),
    )
    (asked,) = fake.asked
    assert asked.path == "/v1/caption"
    assert asked.body == {
        "image_url": f"data:image/png;base64,{base64.b64encode(PNG).decode()}",
        "length": "short",
        "stream": True,
        "settings": {"temperature": 0.25, "top_p": 0.5, "max_tokens": 768},
    }


@pytest.mark.parametrize(
    ("skill", "asked", "output", "text"),
    [
        ("query", {"question": "a cat?", "reasoning": False, "stream": True}, "0.txt", CAPTION),
        (
            "detect",
            {"object": "a cat?", "stream": False, "settings": {"max_objects": 150}},
            "0.json",
            '{"objects": [{"x_min": 0.1, "y_min": -0.02, "x_max": 0.5, "y_max": 1.01}]}',
        ),
        ("point", {"object": "a cat?", "stream": False}, "0.json", '{"points": [{"x": 0.25, "y": 0.5}]}'),
    ],
)
def test_the_other_skills(
    world: World, fake: Engine, *, skill: str, asked: dict[str, Any], output: str, text: str
) -> None:
    """Their one prompt is the question, or what is to be found; boxes and points come as they are, and unclamped."""
    task = ended(world, start(world, skill, prompt="a cat?"))
    assert (task.exit_code, task.debugoutput, task.outputs[0].name) == (0, text, output)
    assert asked.items() <= fake.asked[0].body.items()


def test_what_is_left_out_is_as_documented(world: World, fake: Engine) -> None:
    """Wiro's own defaults; and a top_p of 0 leaves only the likeliest word, which is a temperature of 0."""
    ended(world, start(world))
    assert fake.asked[0].body["length"] == "normal"
    assert fake.asked[0].body["settings"] == {"temperature": 0.7, "top_p": 0.95, "max_tokens": 768}
    ended(world, start(world, top_p="0"))
    assert fake.asked[1].body["settings"]["temperature"] == 0


@pytest.mark.parametrize(
    ("skill", "fields", "picture", "reason"),
    [
        ("caption", {"length": "medium"}, PNG, "length: it is short, normal or long, not 'medium'"),
        ("caption", {"temperature": "-1"}, PNG, "temperature: it is a number from 0 (the likeliest words), not -1"),
        ("caption", {"top_p": "1.5"}, PNG, "top_p: it is a number from 0 to 1, not 1.5"),
        ("caption", {}, b"", "inputImage: the picture has 0 bytes"),
        ("query", {}, PNG, "prompt: it is empty; ask something, or name what is to be found"),
        ("detect", {"prompt": "  "}, PNG, "prompt: it is empty; ask something, or name what is to be found"),
    ],
)
def test_bad_input_is_a_failed_task_that_says_why(
    world: World, fake: Engine, *, skill: str, fields: dict[str, str], picture: bytes, reason: str
) -> None:
    """In debugerror, with exit code 1, before any engine is asked."""
    task = ended(world, start(world, skill, picture, **fields))
    assert (task.exit_code, task.stderr, task.outputs) == (1, reason, ())
    assert fake.asked == []
    (detail,) = post(world, "/v1/Task/Detail", {"taskid": task.job.id}).json["tasklist"]
    assert (detail["pexit"], detail["debugerror"]) == ("1", reason)


def test_a_temperature_that_is_no_number_is_refused_by_the_run_itself(world: World) -> None:
    """By Wiro's own sentence, as for a run that is played by a script: there is no task."""
    answer = post(
        world, "/v1/Run/moondream3-preview/caption", {"inputImage": "https://x.test/a.png", "temperature": "warm"}
    )
    assert answer.error["message"] == "Request parameter [temperature] must be integer or float"


def test_a_run_without_a_picture_and_one_with_two(world: World) -> None:
    """One picture is what the model looks at."""
    task_id, _ = run_task(world)
    assert ended(world, task_id).stderr == "inputImage: it takes one picture, as a file or a URL, and none was sent"
    two = ["https://x.test/a.png", "https://x.test/b.png"]
    task_id, _ = run_task(world, {"inputImage": two, "prompt": "x"}, path="/v1/Run/moondream3-preview/query")
    assert ended(world, task_id).stderr == "inputImage: it takes one picture, as a file or a URL, and 2 were sent"


# -- whatever the engine does ----------------------------------------------------------------------------


def redirected(exchange: Exchange) -> None:
    exchange.answer(307, {}, Location="https://elsewhere.test/v1/caption")


def stream_of(*events: object) -> Any:
    def conduct(exchange: Exchange) -> None:
        exchange.head(200, "text/event-stream")
        for event in events:
            exchange.write(event) if isinstance(event, bytes) else exchange.event(event)

    return conduct


def answers(status: int, value: object, kind: str = "application/json") -> Any:
    return lambda exchange: exchange.answer(status, value, kind)


@pytest.mark.parametrize(
    ("conduct", "reason"),
    [
        (answers(200, {"error": "no image"}), "failed: no image"),  # Station answers errors with 200
        (answers(200, {"error": {"message": "Busy", "code": 9}}), "failed: Busy"),
        (answers(400, {"error": "UnidentifiedImageError: cannot identify image file"}),
         "refused (HTTP 400): UnidentifiedImageError: cannot identify image file"),
        (answers(507, {"error": "CUDA out of memory"}), "ran out of memory (HTTP 507): CUDA out of memory"),
        (answers(503, b"upstream gone", "text/plain"), "refused (HTTP 503): upstream gone"),
        (answers(502, b"", "text/html"), "refused (HTTP 502): no reason given"),
        (answers(200, b"<html>", "text/html"), "answers with text/html; is it a Moondream endpoint?"),
        (redirected, "redirects to https://elsewhere.test/v1/caption (HTTP 307), which is not followed; name that one"),
    ],
)  # fmt: skip
def test_an_engine_that_says_no(world: World, fake: Engine, conduct: Any, reason: str) -> None:
    """Before it has begun: the task has never started, and nothing of the picture goes anywhere else."""
    fake.conduct = conduct
    task = ended(world, start(world))
    assert (task.exit_code, task.stderr) == (1, f"the engine at {fake.url} {reason}")
    assert kinds(world, task.job.id)[-2:] == [e.SetupFailed, e.GaveUp]


@pytest.mark.parametrize(
    ("conduct", "reason"),
    [
        (stream_of({"chunk": "A"}, {"error": "CUDA out of memory"}), "the engine at URL failed: CUDA out of memory"),
        (stream_of({"chunk": "A"}), "the engine at URL closed the stream before its end"),
        (stream_of({"chunk": "A"}, b"data: {\n\n"), "the stream of the engine at URL is no JSON: ' {'"),
        (stream_of({"chunk": "A"}, b"data: [1]\n\n"), "the stream of the engine at URL is no JSON object: ' [1]'"),
        (
            stream_of({"chunk": "A"}, b"data: " + bytes(1 << 20)),
            "the engine at URL sent a line of more than 1 MiB",
        ),
    ],
)
def test_an_engine_that_fails_in_mid_stream(world: World, fake: Engine, conduct: Any, reason: str) -> None:
    """What was said stays in the log, there is no file, and it has failed: there is no success without `completed`."""
    fake.conduct = conduct
    task = ended(world, start(world))
    assert (task.exit_code, task.stderr) == (1, reason.replace("URL", fake.url))
    assert (task.debugoutput, task.outputs) == ("A", ())
    assert kinds(world, task.job.id)[-6:-3] == [e.ErrorOutput, e.OutputEnded, e.ErrorEnded]
    fake.conduct = engine_kit_well
    assert ended(world, start(world)).exit_code == 0


def engine_kit_well(exchange: Exchange) -> None:
    from tests.engine_kit import well

    well(exchange)


def test_an_answer_in_one_piece_is_as_good_as_a_stream(world: World, fake: Engine) -> None:
    """An engine need not stream; one that answers without what was asked for has failed."""
    fake.conduct = answers(200, {"caption": " A cat. ", "request_id": "7"})
    task = ended(world, start(world))
    assert (task.exit_code, world.blobs.read(task.outputs[0].blob)) == (0, b"A cat.")
    fake.conduct = answers(200, {"caption": "A cat.", "error": None})  # no error: ours, no server was seen to say so
    assert ended(world, start(world)).exit_code == 0
    fake.conduct = answers(200, {"answer": "A cat."})
    assert ended(world, start(world)).stderr == "the engine's answer has no caption; it has: answer"


def test_comments_unknown_fields_and_a_last_chunk_with_the_end(world: World, fake: Engine) -> None:
    """What the protocol of SSE allows, and what other servers send."""
    fake.conduct = stream_of(
        b": hello\n\nevent: x\nid: 1\n", b'data:{"chunk": "A"}\r\n\r\n', {"chunk": " B", "completed": True}
    )
    assert ended(world, start(world)).debugoutput == "A B"


def test_an_engine_that_is_not_there() -> None:
    """Told by its address."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        world = world_at(url)
        told = ended(world, start(world)).stderr
    assert told == f"nothing listens at {url}; start the engine there, or name another one"
    world.close()


def test_an_engine_that_says_nothing_for_too_long(fake: Engine) -> None:
    """The silence is measured from its last word."""
    fake.conduct = lambda exchange: exchange.wait_for_the_client_to_go()
    world = world_at(fake.url, silence=0.05)
    assert ended(world, start(world)).stderr == f"the engine at {fake.url} said nothing of an answer for 0.05 s"
    world.close()


def test_kill_closes_the_connection(world: World, fake: Engine) -> None:
    """So the engine sees that nobody listens, and its slot is free; also while it is silent."""
    gone = threading.Event()

    def conduct(exchange: Exchange) -> None:
        exchange.head(200, "text/event-stream")
        exchange.event({"chunk": "A"})
        exchange.wait_for_the_client_to_go()
        gone.set()

    fake.conduct = conduct
    task_id = start(world)
    eventually(lambda: e.Output in kinds(world, task_id))
    assert post(world, "/v1/Task/Kill", {"taskid": task_id}).json["result"] is True
    assert gone.wait(PATIENCE)
    task = ended(world, task_id)
    assert (task.killed, task.debugoutput, kinds(world, task_id)[-1]) == (True, "A", e.Cancelled)
    eventually(lambda: not world.live.stuck)


def test_kill_ends_a_handshake_that_is_not_answered() -> None:
    """A server that takes the connection and never says a word of TLS: the thread was told of as stuck."""
    with socket.create_server(("127.0.0.1", 0)) as mute:
        world = world_at(f"https://127.0.0.1:{mute.getsockname()[1]}")
        task_id = start(world)
        connection, _ = mute.accept()
        with connection:
            assert connection.recv(1)  # the client's first word has come: it waits for the answer
            run = world.live._runs[task_id]
            assert post(world, "/v1/Task/Kill", {"taskid": task_id}).json["result"] is True
            assert run.join(PATIENCE)
            assert not run.is_stuck
        world.close()


# -- keys, hosts, redirects ------------------------------------------------------------------------------


def test_a_key_goes_to_this_machine_or_over_tls_only(fake: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the environment, into the header of the protocol, and into nothing that is told."""
    monkeypatch.setenv("MOONDREAM_API_KEY", "s3cr3t")
    world = world_at(fake.url)
    ended(world, start(world))
    assert fake.asked[0].headers["x-moondream-auth"] == "s3cr3t"
    assert "s3cr3t" not in repr(endpoint.read_endpoint(fake.url, key="s3cr3t"))
    world.close()


@pytest.mark.parametrize("status", [200, 401])
def test_a_key_that_the_engine_repeats_is_not_told(fake: Engine, monkeypatch: pytest.MonkeyPatch, status: int) -> None:
    """Services quote the key they refuse; it would be in the task's debugerror, on stderr and in the journal."""
    monkeypatch.setenv("MOONDREAM_API_KEY", "s3cr3t")
    fake.conduct = answers(status, {"error": "invalid key s3cr3t"})
    world = world_at(fake.url)
    assert ended(world, start(world)).stderr.endswith("invalid key (the key)")
    world.close()


@pytest.mark.parametrize(
    ("url", "way"),
    [
        ("localhost:2020", "'localhost:2020' is no endpoint; write it like http://127.0.0.1:2020/v1"),
        (
            "http://me:s3cr3t@x/v1",
            "'http://x/v1' is no endpoint: it has a name or a password in it; write it like http://127.0.0.1:2020/v1",
        ),
        ("ftp://x/v1", "'ftp://x/v1' is no endpoint; write it like http://127.0.0.1:2020/v1"),
        ("http://x/v1?a=1", "'http://x/v1?…' is no endpoint: it has a query; write it like http://127.0.0.1:2020/v1"),
    ],
)
def test_an_endpoint_that_is_none(url: str, way: str) -> None:
    """Told when the mock is made, not when a run comes."""
    with pytest.raises(Misuse) as caught:
        WiroMock(moondream_endpoint=url)
    assert str(caught.value) == f"WiroMock: moondream_endpoint: {way}"


def pictures(exchange: Exchange) -> None:
    """A host of pictures, and of traps."""
    path = exchange.asked.path
    if path == "/cat.png":
        exchange.answer(200, PNG, "image/png")
    elif path == "/loop":
        exchange.answer(302, b"", Location="/loop")
    elif path.startswith("/to?"):
        exchange.answer(302, b"", Location=path.removeprefix("/to?"))
    elif path == "/large":
        exchange.answer(200, b"x" * 2048, "image/png")
    elif path == "/short":
        exchange.head(200, "image/png", **{"Content-Length": "100"})
        exchange.write(b"x")
    elif path == "/slow":
        exchange.wait_for_the_client_to_go()
    else:
        exchange.answer(404, b"")


def test_a_url_is_fetched_and_its_bytes_passed_on(fake: Engine) -> None:
    """Of a private host only where it was named; the name is looked up once, and that address is the one asked."""
    with engine(pictures) as host:
        url = host.url.removesuffix("/v1")
        world = world_at(fake.url, fetch_hosts=["127.0.0.1"])
        task_id, _ = run_task(world, {"inputImageUrl": f"{url}/cat.png?size=1"})
        task_id, _ = run_task(world, {"inputImageUrl": f"{url}/cat.png"})
        assert ended(world, task_id).debugoutput == CAPTION
        assert fake.asked[-1].body["image_url"] == f"data:image/png;base64,{base64.b64encode(PNG).decode()}"
        world.close()


def test_a_url_of_this_machine_is_not_fetched(world: World) -> None:
    """Whoever can send a run must not be able to make the mock ask what only it can reach; nor by a redirect."""
    with engine(pictures) as host:
        url = host.url.removesuffix("/v1")
        port = url.rpartition(":")[2]
        task_id, _ = run_task(world, {"inputImageUrl": f"{url}/cat.png"})
        assert ended(world, task_id).stderr == (
            f"inputImage: {url}/cat.png is at 127.0.0.1, on this machine or its own network, and is not fetched; "
            "--fetch-host 127.0.0.1 lets it be"
        )
        assert host.asked == []
        open_world = world_at("http://127.0.0.1:1", fetch_hosts=["127.0.0.1"])
        task_id, _ = run_task(open_world, {"inputImageUrl": f"{url}/to?http://localhost:{port}/cat.png"})
        told = ended(open_world, task_id).stderr
        assert told.startswith(f"inputImage: http://localhost:{port}/cat.png is at ")
        assert told.endswith(
            "on this machine or its own network, and is not fetched; --fetch-host localhost lets it be"
        )
        task_id, _ = run_task(open_world, {"inputImageUrl": f"{url}/to?http://169.254.169.254/latest"})
        assert ended(open_world, task_id).stderr == (
            "inputImage: http://169.254.169.254/latest is at 169.254.169.254, where nothing is ever fetched from"
        )
        open_world.close()


class _Job:
    """As much of a job as a fetch needs."""

    def on_cancel(self, callback: Any) -> Any:
        return lambda: None


NO_URL = "cannot be fetched: it is no http or https URL with a host; write it like https://example.com/cat.png"
SECRETS = "cannot be fetched: it has a name or a password in it, which are not sent; leave them out"


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/none", "HOST/none answered with HTTP 404, not 200"),
        ("/loop", "HOST/loop is the end of more than 5 redirects"),
        ("/large", "HOST/large is larger than 0 MiB"),
        ("/slow", "HOST/slow was not fetched within 0.2 s"),
        ("/to?file:///etc/passwd", f"'file:///etc/passwd' {NO_URL}"),
        ("/to?http://a:b@127.0.0.1/x", f"'http://127.0.0.1/x' {SECRETS}"),
    ],
)
def test_what_cannot_be_fetched(path: str, reason: str) -> None:
    """Each with its reason; sizes and times are limited."""
    with engine(pictures) as host:
        url = host.url.removesuffix("/v1")
        fetcher = fetching.Fetcher(hosts=frozenset({"127.0.0.1"}), largest=1024, seconds=0.2 if path == "/slow" else 10)
        with pytest.raises(BackendError) as caught:
            fetcher.fetch(url + path, _Job())  # type: ignore[arg-type]
        assert str(caught.value) == reason.replace("HOST", url)


def test_a_body_that_breaks_off_is_no_picture() -> None:
    """Half of a picture might be decoded to half of the truth."""
    with engine(pictures) as host:
        fetcher = fetching.Fetcher(hosts=frozenset({"127.0.0.1"}))
        with pytest.raises(BackendError, match="cannot be fetched: IncompleteRead"):
            fetcher.fetch(host.url.removesuffix("/v1") + "/short", _Job())  # type: ignore[arg-type]


# -- doors -----------------------------------------------------------------------------------------------


def test_the_client_needs_neither_torch_nor_pillow_nor_httpx() -> None:
    """In a process of its own, for this one has them all."""
    code = (
        "import sys; import wiro_mock.backends, wiro_mock.backends.moondream, wiro_mock.backends.child\n"
        "sys.exit(', '.join({'torch', 'PIL', 'numpy', 'httpx', 'transformers'} & {*sys.modules}) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_scenario_names_the_endpoint(fake: Engine) -> None:
    """In its options; without one, the way out is told."""
    text = "scenario: real\nmatch: {model: moondream3-preview/*}\n"
    text += "backend: {use: 'wiro_mock.backends.moondream:run', options: %s}\n"
    world = make_world(scenarios=text % f"{{endpoint: '{fake.url}'}}")
    assert ended(world, start(world)).debugoutput == CAPTION
    world.close()
    world = make_world(scenarios=text % "{}")
    assert ended(world, start(world)).stderr == (
        "no endpoint; write options: {endpoint: URL}, or set WIRO_MOCK_MOONDREAM_ENDPOINT"
    )
    world.close()


def test_in_a_test_over_respx(fake: Engine) -> None:
    """The whole path with a client's own HTTP library patched: what the backend asks is not caught by it."""
    import httpx

    with WiroMock(moondream_endpoint=fake.url) as wiro, wiro.respx():
        headers = {"x-api-key": wiro.api_key, **_signature(wiro)}
        answer = httpx.post(
            "https://api.wiro.ai/v1/Run/moondream3-preview/caption",
            headers=headers,
            files={"inputImage": ("cat.png", PNG, "image/png")},
        ).json()
        ended(wiro.world, answer["taskid"])
        assert wiro.tasks[0].succeeded
        assert fake.asked[0].path == "/v1/caption"


def _signature(wiro: WiroMock) -> dict[str, str]:
    from wiro_mock.api.auth import sign

    return {"x-nonce": "1", "x-signature": sign(wiro.api_key, wiro.api_secret, "1")}
