"""An engine, a host of pictures or a client that never comes to its end, sends too much, or has secrets in its URLs."""

from __future__ import annotations

import ipaddress
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.api_kit import run as run_task
from tests.engine_kit import Engine, Exchange, engine
from tests.live_kit import PATIENCE
from tests.test_moondream_endpoint import ended, start, world_at
from wiro_mock.addresses import is_public
from wiro_mock.backends import BackendError, Job, endpoint, moondream
from wiro_mock.backends.fetching import Fetcher
from wiro_mock.store import BlobStore
from wiro_mock.text import bare_url

URL = "http://me:s3cr3t@10.0.0.1/cat.png?token=s3cr3t#s3cr3t"


@pytest.fixture
def fake() -> Iterator[Engine]:
    with engine() as one:
        yield one


def until_the_client_goes(exchange: Exchange, data: bytes) -> None:
    """The same again and again, as fast as the client takes it."""
    try:
        while True:
            exchange.write(data)
    except OSError:
        pass


@pytest.mark.parametrize("data", [b": ping\n\n", b'data: {"chunk": ""}\n\n', b"x"])
def test_a_stream_that_says_nothing_comes_to_an_end(fake: Engine, data: bytes) -> None:
    """Comments, empty pieces or a line without an end: the socket was never silent, and the task never over."""

    def conduct(exchange: Exchange) -> None:
        exchange.head(200, "text/event-stream")
        until_the_client_goes(exchange, data)

    fake.conduct = conduct
    world = world_at(fake.url, silence=0.3)
    task = ended(world, start(world))
    over = f"the engine at {fake.url} said nothing of an answer for 0.3 s"
    assert task.stderr in (over, f"the engine at {fake.url} sent a line of more than 1 MiB")
    world.close()


def test_a_stream_of_comments_has_a_size(fake: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Five minutes of them as fast as they come are a processor's work, and nobody's answer."""
    monkeypatch.setattr(endpoint, "LARGEST_STREAM", 1 << 20)

    def conduct(exchange: Exchange) -> None:
        exchange.head(200, "text/event-stream")
        until_the_client_goes(exchange, b": ping\n\n" * 1000)

    fake.conduct = conduct
    world = world_at(fake.url)
    assert ended(world, start(world)).stderr == f"the engine at {fake.url} sent a stream of more than 1 MiB"
    world.close()


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({"caption": 5}, "the engine's caption is no text: 5"),
        ({"text": "A"}, "the engine's answer has no caption; it has: text"),
        ({}, "the engine's answer has no caption; it has: nothing"),
    ],
)
def test_an_answer_without_what_was_asked(fake: Engine, answer: dict[str, object], reason: str) -> None:
    """Not there, or not what it should be."""
    fake.conduct = lambda exchange: exchange.answer(200, answer)
    world = world_at(fake.url)
    assert ended(world, start(world)).stderr == reason
    world.close()


def test_pieces_keep_a_slow_stream_alive(fake: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit is for each piece: it is asked anew after every one, comments in between or not."""
    renewed: list[object] = []
    renew = endpoint._Patience.renew

    def counted(self: endpoint._Patience) -> None:
        renewed.append(self)
        renew(self)

    monkeypatch.setattr(endpoint._Patience, "renew", counted)

    def conduct(exchange: Exchange) -> None:
        exchange.head(200, "text/event-stream")
        for word in ("A", " cat"):
            exchange.write(b": ping\n\n")
            exchange.event({"chunk": word})
        exchange.event({"completed": True})

    fake.conduct = conduct
    world = world_at(fake.url)
    assert ended(world, start(world)).debugoutput == "A cat"
    assert len(renewed) == 4  # the beginning, the head, two pieces
    world.close()


@contextmanager
def dripping() -> Iterator[str]:
    """A server that sends a header without an end, a byte at a time. Its URL."""
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(1 << 16)
                connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
                while not over.wait(0.001):
                    try:
                        connection.sendall(b"y")
                    except OSError:
                        return

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}"
        finally:
            over.set()
            thread.join()


def fetch(url: str) -> str:
    try:
        Fetcher(hosts=frozenset({"127.0.0.1"}), seconds=0.3).fetch(url, job())
    except BackendError as error:
        return str(error)
    return "fetched"


def ask(url: str) -> str:
    try:
        list(endpoint.read_endpoint(url, seconds=0.3).ask("caption", {}, job()))
    except BackendError as error:
        return str(error)
    return "answered"


@pytest.mark.parametrize(
    ("run", "told"),
    [(fetch, "{} was not fetched within 0.3 s"), (ask, "the engine at {} said nothing of an answer for 0.3 s")],
)
def test_a_header_that_never_ends_is_cut_off(run: Callable[[str], str], told: str) -> None:
    """Each byte of it was a new patience, so that 30 s of all were as long as the other side wished."""
    with dripping() as url:
        assert run(url) == told.format(url)


def job() -> Job:
    """One that nobody will cancel."""
    from tests.scenarios_kit import JOB
    from wiro_mock.backends.checking import _Shelf

    return Job(task=JOB, shelf=_Shelf())


def test_a_large_upload_is_refused_before_it_is_read(fake: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its size is known; all of it was read into memory to be measured."""
    opened: list[object] = []
    read = BlobStore.open

    def counted(self: BlobStore, blob: object) -> object:
        opened.append(blob)
        return read(self, blob)  # type: ignore[arg-type]

    monkeypatch.setattr(BlobStore, "open", counted)
    monkeypatch.setattr(moondream, "LARGEST", 1 << 20)
    world = world_at(fake.url)
    task = ended(world, start(world, picture=b"x" * ((1 << 20) + 1)))
    assert task.stderr == "inputImage: the picture is larger than 1 MiB"
    assert not opened
    assert not fake.asked
    world.close()


def test_two_mocks_share_an_engine(fake: Engine) -> None:
    """Each run has a connection of its own: what one asks, the other never hears, and neither waits for the other."""
    both = threading.Barrier(2)

    def conduct(exchange: Exchange) -> None:
        exchange.head(200, "text/event-stream")
        both.wait(PATIENCE)  # neither is answered before both are there
        for word in exchange.asked.body["question"].split():
            exchange.event({"chunk": f"{word} "})
            both.wait(PATIENCE)
        exchange.event({"completed": True})

    fake.conduct = conduct
    worlds = [world_at(fake.url), world_at(fake.url)]
    asked = ["one two three", "uno due tre"]
    ids = [start(world, "query", prompt=text) for world, text in zip(worlds, asked, strict=True)]
    told = [ended(world, task_id).debugoutput for world, task_id in zip(worlds, ids, strict=True)]
    assert told == [f"{text} " for text in asked]
    for world in worlds:
        world.close()


# -- secrets in URLs ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "bare"),
    [
        (URL, "http://10.0.0.1/cat.png?…"),
        ("https://x.test/a@b.png", "https://x.test/a@b.png"),
        ("//me@x", "//x"),
        ("no url", "no url"),
        ("http://" + "x" * 500, "http://" + "x" * 193),
    ],
)
def test_a_url_is_told_of_without_its_secrets(url: str, bare: str) -> None:
    """Whatever it is."""
    assert bare_url(url) == bare


def test_what_a_url_hides_is_in_no_reason(fake: Engine) -> None:
    """It went into debugerror and onto stderr: of a picture's URL, of where it redirects to, of an engine's."""
    world = world_at(fake.url)
    assert ended(world, run_task(world, {"inputImageUrl": URL})[0]).stderr == (
        "inputImage: 'http://10.0.0.1/cat.png?…' cannot be fetched: it has a name or a password in it, which are not "
        "sent; leave them out"
    )
    fake.conduct = lambda exchange: exchange.answer(307, b"", Location=URL)
    told = ended(world, start(world)).stderr
    assert "redirects to http://10.0.0.1/cat.png?… (HTTP 307)" in told
    world.close()


@pytest.mark.parametrize("key", ["s3cr3t\nX: 1", "s3cr3t\x00", "s3cr3t\u00fc"])
def test_a_key_that_no_header_can_have_is_not_told(fake: Engine, key: str) -> None:
    """The HTTP client refused it when it was to be sent, and quoted it: into the task's debugerror."""
    with pytest.raises(ValueError, match="the key for the engine has characters that no header can have") as caught:
        moondream.at(fake.url, key=key)
    assert "s3cr3t" not in str(caught.value)


def test_a_key_is_taken_without_the_newline_of_its_file(fake: Engine) -> None:
    """`$(<file)` is without it, a mounted secret is not."""
    world = world_at(fake.url, key="s3cr3t\n")
    assert ended(world, start(world)).exit_code == 0
    assert fake.asked[0].headers["x-moondream-auth"] == "s3cr3t"
    world.close()


def test_the_engines_url_with_a_password_fails_a_scenarios_run_without_telling_it() -> None:
    """Options of a scenario come to nobody's eyes before a run."""
    from wiro_mock.backends import check_backend

    task = check_backend(moondream.run, model="moondream3-preview/caption", fails=True, options={"endpoint": URL})
    assert task.stderr.startswith("'http://10.0.0.1/cat.png?…' is no endpoint: it has a name or a password in it; ")


def test_an_impossible_redirect_is_told_of(fake: Engine) -> None:
    """`http://[` is no URL for the standard library either: it left as a ValueError."""
    with engine(lambda exchange: exchange.answer(302, b"", Location="http://[")) as host:
        world = world_at(fake.url, fetch_hosts=["127.0.0.1"])
        task = ended(world, run_task(world, {"inputImageUrl": f"{host.url}/cat.png"})[0])
        assert task.stderr == f"inputImage: '{host.url}/cat.png' cannot be fetched: it redirects to what is no URL"
        world.close()


@pytest.mark.parametrize(
    ("text", "public"),
    [
        *((text, True) for text in ("8.8.8.8", "2606:4700::1", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::")),
        *(
            (text, False)
            for text in ("127.0.0.1", "10.1.2.3", "192.168.1.1", "169.254.169.254", "0.0.0.0", "::1", "::")
        ),
        *((text, False) for text in ("100.64.0.1", "198.18.0.1", "240.0.0.1", "224.0.0.1", "fec0::1", "fd00::1")),
        *((text, False) for text in ("::ffff:127.0.0.1", "::127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "fe80::1")),
        *((text, False) for text in ("64:ff9b::a9fe:a9fe", "2002:a00:1::", "::ffff:100.64.0.1")),
    ],
)
def test_what_is_of_ones_own_network_is_not_public(text: str, public: bool) -> None:
    """Addresses that providers share, and IPv4 addresses in the disguises of IPv6, were fetched from."""
    assert is_public(ipaddress.ip_address(text)) is public
