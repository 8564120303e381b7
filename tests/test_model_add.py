"""`wiro-mock model`: adding a model from a file, a URL or stdin, what is refused, and how models are shown."""

from __future__ import annotations

import gzip
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tests.api_kit import ORIGIN, make_world, run
from tests.published.kit import PAGES
from wiro_mock.asgi import create_app
from wiro_mock.commands.group import wiro_mock
from wiro_mock.loader import Library, load_models
from wiro_mock.mock import World
from wiro_mock.published import source
from wiro_mock.published.source import address_of, shown_url
from wiro_mock.server import ServerThread

PAGE = PAGES / "newer-full.txt"
FILE = "acme--night-painter-2.yaml"
TOOL: dict[str, Any] = {"slugowner": "acme", "slugproject": "one", "parameters": []}


def play(*words: str | Path, stdin: bytes = b"") -> Result:
    """A command line, in this process."""
    return CliRunner().invoke(wiro_mock, ["model", *map(str, words)], prog_name="wiro-mock", input=stdin)


def refused(*words: str | Path, stdin: bytes = b"") -> str:
    """The one sentence with which `model add` refuses, with status 1."""
    result = play("add", *words, stdin=stdin)
    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (1, "", 1), result.output
    return result.stderr.removeprefix("wiro-mock: ").removesuffix("\n")


# -- from files ------------------------------------------------------------------------------------------


def test_a_page_becomes_a_model_that_runs(tmp_path: Path) -> None:
    """The summary says the path, what it is, what was guessed, and how to use it; the server takes the folder."""
    result = play("add", PAGE, "--to", tmp_path)
    path = tmp_path / "models" / FILE
    model = load_models(tmp_path)[0]
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        f"wrote {path}",
        "  acme/Night Painter.2: image, 7 parameters, from a page for language models",
        "  guessed: id (made of the name); kind (from its categories, text-to-image, image-editing); "
        "cps (Wiro's price is unknown)",
        "  not known: such a page says neither which parameters are required nor what their ranges are",
        f"use it: wiro-mock serve --scenarios {tmp_path}, then POST /v1/Run/acme/night-painter-2",
    ]
    world = World(make_world().settings, library=Library(tmp_path))
    _, token = run(world, {"prompt": "x", "inputImage": "https://x.test/a.png"}, path="/v1/Run/acme/night-painter-2")
    assert token
    assert model.name == "acme/Night Painter.2"
    assert path.stat().st_mode & 0o777 == 0o644
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("name", ["newer-full.txt", "older.txt", "detail.json", "detail-live.json", "openapi.json"])
def test_the_kind_of_document_is_told_by_its_content(tmp_path: Path, name: str) -> None:
    """And not by its name; a byte order mark and Windows' line ends are no hindrance."""
    odd = tmp_path / "odd.bin"
    odd.write_bytes(b"\xef\xbb\xbf\r\n" + (PAGES / name).read_bytes().replace(b"\n", b"\r\n"))
    assert play("add", odd, "--to", tmp_path / "odd").exit_code == 0
    assert play("add", PAGES / name, "--to", tmp_path / "even").exit_code == 0
    assert load_models(tmp_path / "odd") == load_models(tmp_path / "even")


def test_stdin_is_a_source(tmp_path: Path) -> None:
    """So an answer can be piped."""
    result = play("add", "-", "--to", tmp_path, stdin=PAGE.read_bytes())
    assert result.exit_code == 0
    assert "from stdin" in (tmp_path / "models" / FILE).read_text()


def test_several_tools_become_several_files(tmp_path: Path) -> None:
    """All of them, or none where one is there already."""
    page = tmp_path / "list.json"
    tools = [TOOL, {**TOOL, "slugproject": "two"}]
    page.write_text(json.dumps({"result": True, "errors": [], "total": "2", "tool": tools}))
    result = play("add", page, "--to", tmp_path)
    assert result.stdout.endswith(f"use them: wiro-mock serve --scenarios {tmp_path}\n")
    assert [path.name for path in sorted((tmp_path / "models").iterdir())] == ["acme--one.yaml", "acme--two.yaml"]
    (tmp_path / "models" / "acme--one.yaml").unlink()
    assert "acme--two.yaml is there already" in refused(page, "--to", tmp_path)
    assert not (tmp_path / "models" / "acme--one.yaml").exists()


def test_the_kind_can_be_said(tmp_path: Path) -> None:
    """Then it is no guess."""
    result = play("add", PAGE, "--to", tmp_path, "--kind", "video")
    assert "kind (" not in result.stdout
    assert load_models(tmp_path)[0].kind == "video"
    result = play("add", PAGE, "--kind", "vido")
    assert (result.exit_code, "did you mean 'video'?" in result.stderr) == (2, True)


def test_print_writes_no_file(tmp_path: Path) -> None:
    """The YAML alone comes on stdout, ready for a file of one's own."""
    result = play("add", PAGE, "--to", tmp_path / "none", "--print")
    assert (result.exit_code, result.stderr) == (0, "")
    assert not (tmp_path / "none").exists()
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "own.yaml").write_text(result.stdout)
    assert load_models(tmp_path)[0].name == "acme/Night Painter.2"


# -- what is there already -------------------------------------------------------------------------------


def test_a_file_is_replaced_only_by_force(tmp_path: Path) -> None:
    """And not touched otherwise."""
    path = tmp_path / "models" / FILE
    path.parent.mkdir()
    path.write_text("# mine\n")
    assert refused(PAGE, "--to", tmp_path) == (
        f"{path} is there already; --force replaces it, --print shows what would be written"
    )
    assert path.read_text() == "# mine\n"
    assert play("add", PAGE, "--to", tmp_path, "--force").exit_code == 0
    assert play("add", PAGE, "--to", tmp_path, "--force").exit_code == 0
    assert load_models(tmp_path)[0].name == "acme/Night Painter.2"


def listed(tmp_path: Path, *names: tuple[str, str], **fields: Any) -> Path:
    """A file with an answer that lists tools of these names."""
    page = tmp_path / "list.json"
    tools = [{**TOOL, **fields, "slugowner": owner, "slugproject": slug} for owner, slug in names]
    page.write_text(json.dumps({"result": True, "errors": [], "total": str(len(tools)), "tool": tools}))
    return page


def test_names_that_are_alike_are_two_files(tmp_path: Path) -> None:
    """Also where owner and slug run into one another; in one call or in two."""
    names = [("a b", "c"), ("a", "b c"), ("\u00fc", "b"), ("\u00f6", "b")]
    assert play("add", listed(tmp_path, *names), "--to", tmp_path / "once").exit_code == 0
    for name in names:
        assert play("add", listed(tmp_path, name), "--to", tmp_path / "each", "--force").exit_code == 0
    for folder in ("once", "each"):
        assert sorted(one.name for one in load_models(tmp_path / folder)) == sorted(map("/".join, names))


@pytest.mark.parametrize("force", [(), ("--force",)])
def test_two_spellings_of_one_model_are_refused(tmp_path: Path, force: tuple[str, ...]) -> None:
    """Rather than that the second is written over the first."""
    sentence = refused(listed(tmp_path, ("a", "c"), ("b", "x"), ("A", "C.")), "--to", tmp_path, *force)
    assert sentence == "the source has a/c and A/C., which are one model; take one of them out"
    assert not (tmp_path / "models").exists()


@pytest.mark.parametrize("rest", ['id: "1"\nkind: image\ncps: "1"\n', "kind: [broken\n"])
def test_another_model_is_not_overwritten_by_force(tmp_path: Path, rest: str) -> None:
    """Somebody has put it into a file of that name, perhaps a broken one; and beside the model that is meant."""
    path = tmp_path / "models" / FILE
    path.parent.mkdir()
    mine = 'id: "2"\nkind: image\ncps: "1"\n'
    path.write_text(f"model: acme/night-painter-2\n{mine}---\nmodel: 'acme/other'  # mine\n{rest}")
    sentence = f"{path} describes acme/other, which would be lost; move it to another file first"
    assert refused(PAGE, "--to", tmp_path, "--force") == sentence
    path.write_text(f"model: acme/night-painter-2\n{mine}")
    assert play("add", PAGE, "--to", tmp_path, "--force").exit_code == 0


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    """Prices, votes and counts that make no sense are left out, each by its name; what is not there is not told of."""
    price = {"inputs": {}, "price": 0.1, "priceMethod": "cp-pixel", "priceExtra": "x", "priceInput": -1}
    page = listed(tmp_path, ("a", "c"), averagepoint="99", commentcount="-5", ratedusercount=1.5, time="soon",
                  dynamicprice=json.dumps([price]))  # fmt: skip
    result = play("add", page, "--to", tmp_path)
    for phrase in (
        "averagepoint: '99' is no number from 0 to 5",
        "commentcount: '-5' is no whole number from 0",
        "ratedusercount: '1.5' is no whole number from 0",
        "time: 'soon' is no whole number from 0",
        "priceExtra of the price of 0.1 by cp-pixel: 'x' is no amount from 0",
        "priceInput of the price of 0.1 by cp-pixel: '-1' is no amount from 0",
    ):
        assert phrase in result.stdout
    for sent in ("[{", "soon", {"price": 1}):
        result = play("add", listed(tmp_path, ("a", "c"), dynamicprice=sent), "--to", tmp_path, "--force")
        assert "all prices: dynamicprice is " in result.stdout
    nothings: list[Any] = ["", None, [], "[]", " [ ] ", "0"]
    for nothing in nothings:
        page = listed(tmp_path, ("a", "c"), dynamicprice=nothing, averagepoint="", commentcount=0, time=None)
        result = play("add", page, "--to", tmp_path, "--force")
        assert result.exit_code == 0
        assert "left out" not in result.stdout


@pytest.mark.parametrize("force", [(), ("--force",)])
def test_a_model_that_another_file_describes_is_refused(tmp_path: Path, force: tuple[str, ...]) -> None:
    """The loader would complain of it; what stands elsewhere cannot be replaced."""
    path = tmp_path / "models" / "mine.yaml"
    path.parent.mkdir()
    path.write_text('# mine\nmodel: Acme/night painter-2\nid: "1"\nkind: image\ncps: "1"\n')
    way = "take it out there, or give another --to"
    assert refused(PAGE, "--to", tmp_path, *force) == f"{path}:2 describes acme/Night Painter.2 already; {way}"


def test_a_folder_that_cannot_be_written_to_is_told(tmp_path: Path) -> None:
    """Also where a file stands in its place."""
    (tmp_path / "models").write_text("x")
    message = refused(PAGE, "--to", tmp_path)
    assert message.startswith(f"cannot write {tmp_path / 'models'}: ")
    assert message.endswith("; give --to a folder that you may write to")


# -- what is no model ------------------------------------------------------------------------------------

EXPECTED = "expected is a model's llms-full.txt, a Tool/Detail answer, or an OpenAPI document"
DEEP = b'{"tool": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
NO_MODELS: list[tuple[bytes, str]] = [
    (b"", f"it is empty; {EXPECTED}"),
    (b" \n\n", f"it is empty; {EXPECTED}"),
    (
        b"<!doctype html><title>Model name: a/b</title>",
        f"it is an HTML page; {EXPECTED}: the first is found at the model's page with /llms-full.txt after it",
    ),
    (b"\x89PNG\r\n\x1a\n\0\0\0", f"it is no text in UTF-8 (byte 0); {EXPECTED}"),
    (b"ab\0\0\0cd", f"it is no text, for there are zero bytes in it; {EXPECTED}"),
    (
        b"Hello,\nworld",
        f"it is a text without a line like 'Model name: owner/slug', and begins with 'Hello,'; {EXPECTED}",
    ),
    (b"x" * (10 << 20), f"it is larger than 2 MiB; {EXPECTED}"),
    (
        b'{"tool": [{"slugowner": "acme",',
        "it begins like JSON and is none: Expecting property name enclosed in double quotes in line 1; " + EXPECTED,
    ),
    (b"[NaN]", f"it begins like JSON and is none: NaN is not JSON; {EXPECTED}"),
    (DEEP, f"it begins like JSON and is none: JSON is nested deeper than 100; {EXPECTED}"),
    (b'{"a": 1, "b": 2}', f"it is JSON of something else: an object with the keys a, b; {EXPECTED}"),
    (b"{}", f"it is JSON of something else: an empty object; {EXPECTED}"),
    (b"[1]", f"it is JSON of something else: an array of 1; {EXPECTED}"),
    (
        b'{"result": true, "errors": [], "tool": []}',
        "it is a Tool/Detail answer whose list of tools is empty, as Wiro answers for a slug that it does not know; "
        "ask again with the slugs of an existing model",
    ),
    (
        b'{"result": false, "errors": [{"code": 97, "message": "no\\nmoney"}]}',
        "it is an answer of Wiro's that says no: no money; expected is one with a tool",
    ),
    (
        b'{"tool": [{"slugowner": "a"}]}',
        "one of its tools has no slugowner or no slugproject; expected are the tools as Wiro sends them",
    ),
    (
        b'{"tool": 7}',
        "one of its tools has no slugowner or no slugproject; expected are the tools as Wiro sends them",
    ),
    (
        b'{"openapi": "3.0.3", "paths": {"/Task/Detail": {"post": {}}}}',
        "it is an OpenAPI document without POST /Run/owner/model; expected is the document of one model",
    ),
    (
        b'[{"type": "apikey", "spec": {"openapi": "3.0.3", "paths": []}}]',
        "it is an OpenAPI document without POST /Run/owner/model; expected is the document of one model",
    ),
    (
        b"openapi: 3.0.3\npaths: {}",
        f"it is an OpenAPI document in YAML; give it as JSON, as Tool/DetailOpenAPI answers; {EXPECTED}",
    ),
    (
        b'# mine\nmodel: a/b\nid: "1"',
        "it is a model file already, which belongs into DIR/models for wiro-mock serve --scenarios DIR; " + EXPECTED,
    ),
    (
        b"Model name: nobody\n",
        "it is a page for language models that names no model; expected is a line like "
        "'Model name: moondream3-preview/caption'",
    ),
    (
        b"Model name: a/../../x\n",
        "it names the model 'a' / '../../x', which no URL can have; expected are an owner and a slug like "
        "moondream3-preview/caption",
    ),
]


@pytest.mark.parametrize(
    ("content", "sentence"), NO_MODELS, ids=lambda case: case[:12].decode("latin-1") if isinstance(case, bytes) else ""
)
def test_what_is_no_model_is_refused(tmp_path: Path, content: bytes, sentence: str) -> None:
    """With what was found and what is expected; nothing is written."""
    page = tmp_path / "page"
    page.write_bytes(content)
    assert refused(page, "--to", tmp_path / "to") == f"page: {sentence}"
    assert not (tmp_path / "to").exists()


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    """Missing, a folder, no URL of ours, an impossible name."""
    missing = tmp_path / "none.txt"
    assert refused(missing) == f"there is no file '{missing}'; look at the path, or give a URL with its https://"
    assert refused(tmp_path) == f"'{tmp_path}' is a folder; give a file in it, or a URL"
    assert refused("ftp://x.test/a") == "'ftp://x.test/a' is no http(s) URL; give such a URL, or a file"
    assert refused("a\0b\n").startswith("there is no file 'a\\x00b\\n'; ")


def test_huge_numbers_and_odd_ids_make_no_harm(tmp_path: Path) -> None:
    """What the file can't hold is left out, and told on the screen and in the file."""
    items = [
        {"id": "n", "type": "number", "min": 10**200, "max": "1e999", "default": -(10**30)},
        {"id": "__proto__", "type": "text", "default": "\ud800"},
        {"id": "a b", "type": "text"},
        {"id": {"x": 1}, "type": "text"},
        7,
    ]
    tool = {**TOOL, "id": "1" * 40, "cps": "-1", "computingtime": 10**40, "parameters": [{"items": items}, None]}
    page = tmp_path / "page.json"
    page.write_text(json.dumps({"tool": [tool]}))
    result = play("add", page, "--to", tmp_path)
    assert result.exit_code == 0, result.output
    [model] = load_models(tmp_path)
    assert [(one.id, one.minimum, one.maximum) for one in model.parameters] == [
        ("n", None, None),
        ("__proto__", None, None),
    ]
    assert model.parameters[1].default == "\ufffd"
    assert len(model.id) == 7
    assert result.stdout.count("left out: ") == 4
    assert "\n# - the parameter 'a b': that cannot be an id\n" in (tmp_path / "models" / "acme--one.yaml").read_text()


# -- from URLs -------------------------------------------------------------------------------------------

Answer = Callable[[str], tuple[int, dict[str, str], bytes]]


@contextmanager
def site(answer: Answer) -> Iterator[tuple[str, list[str]]]:
    """A tiny web site on loopback: its origin, and the paths that were asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            status, headers, body = answer(self.path)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_the_page_of_a_model_leads_to_its_text(tmp_path: Path) -> None:
    """`/models/owner/slug` is asked for with /llms-full.txt after it; the comment names that address."""
    with site(lambda path: (200, {}, PAGE.read_bytes())) as (origin, asked):
        assert play("add", f"{origin}/models/acme/night-painter-2?tab=api#top", "--to", tmp_path).exit_code == 0
        assert asked == ["/models/acme/night-painter-2/llms-full.txt"]
    text = (tmp_path / "models" / FILE).read_text()
    assert f"from {origin}/models/acme/night-painter-2/llms-full.txt: a" in text.replace("\n# ", " ")


def test_this_mocks_own_pages_can_be_added(tmp_path: Path) -> None:
    """From a running server: what it publishes is what it reads."""
    world = make_world()
    with ServerThread(create_app(world)) as server:
        result = play("add", f"{server.url}/models/pruna/p-image", "--to", tmp_path)
        assert result.exit_code == 0, result.output
    world.close()
    [model] = load_models(tmp_path)
    assert [one.id for one in model.parameters] == ["prompt", "aspectRatio", "seed", "disableSafetyChecker"]


def test_a_redirect_is_followed_a_few_times(tmp_path: Path) -> None:
    """Not for ever."""

    def once(path: str) -> tuple[int, dict[str, str], bytes]:
        return (302, {"location": "/b"}, b"") if path == "/a" else (200, {}, PAGE.read_bytes())

    with site(once) as (origin, asked):
        assert play("add", f"{origin}/a", "--to", tmp_path).exit_code == 0
        assert asked == ["/a", "/b"]
    with site(lambda path: (302, {"location": "/a"}, b"")) as (origin, asked):
        sentence = f"{origin}/a leads on more than 5 times; give the address at its end"
        assert refused(f"{origin}/a") == sentence
        assert len(asked) == 6


HTML = b"<!DOCTYPE html><html></html>"
BOMB = gzip.compress(b"x" * (8 << 20))
STATUSES: list[tuple[int, dict[str, str], bytes, str]] = [
    (404, {}, b"", "answers with the status 404; look at the address; that of a model's page is like "
     "https://wiro.ai/models/pruna/p-image"),
    (405, {}, b"", "answers with the status 405; Wiro's API takes POSTs only: save its answer, and give the file"),
    (503, {}, b"", "answers with the status 503; look at the address, or save the page and give the file"),
    (200, {}, b"x" * ((2 << 20) + 1), f"is larger than 2 MiB; {EXPECTED}"),
    (200, {"content-encoding": "gzip"}, BOMB, f"is larger than 2 MiB; {EXPECTED}"),
]  # fmt: skip


@pytest.mark.parametrize(("status", "headers", "body", "sentence"), STATUSES)
def test_an_answer_without_a_page_is_told(status: int, headers: dict[str, str], body: bytes, sentence: str) -> None:
    """A status, or too much; of what is compressed, no more is unpacked than is allowed."""
    with site(lambda path: (status, headers, body)) as (origin, _):
        assert refused(f"{origin}/x") == f"{origin}/x {sentence}"


@pytest.mark.parametrize("path", ["/models/Pruna/P%20Image", "/models/a/b/llms-full.txt"])
def test_a_model_that_is_not_there_is_told_by_its_names(path: str) -> None:
    """Only an address that has an owner and a slug in it can have the wrong ones."""
    with site(lambda path: (404, {}, b"")) as (origin, _):
        way = "look at owner and slug in it, which are in small letters, with dashes for spaces and dots"
        assert refused(f"{origin}{path}").endswith(f"/llms-full.txt answers with the status 404; {way}")
        assert "owner and slug" not in refused(f"{origin}/")


def test_a_page_for_people_is_told() -> None:
    """Sites of one page answer every address with it."""
    with site(lambda path: (200, {}, HTML)) as (origin, _):
        assert refused(f"{origin}/models/a/b").startswith(f"{origin}/models/a/b/llms-full.txt: it is an HTML page; ")


def test_a_server_that_is_not_there_is_told() -> None:
    """With the address, and what else can be done."""
    with site(lambda path: (200, {}, b"")) as (origin, _):
        pass
    message = refused(f"{origin}/x")
    assert message.startswith(f"{origin}/x cannot be reached: ")
    assert message.endswith("; look at the address, or save the page and give the file")
    assert "is no URL; write one like https://wiro.ai/models/owner/slug" in refused("http://[::1")
    assert "cannot be asked" in refused("http:///x")


@contextmanager
def dripping(beginning: bytes, drop: bytes) -> Iterator[str]:
    """A server that says something, and then a little more for ever."""
    over = threading.Event()

    def serve() -> None:
        connection, _ = server.accept()
        with connection, suppress(OSError):
            connection.recv(65536)
            connection.sendall(beginning)
            while not over.wait(0.02):
                connection.sendall(drop)

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}/x"
        finally:
            over.set()
            thread.join()


@pytest.mark.parametrize(
    ("beginning", "drop"),
    [(b"HTTP/1.1 200 OK\r\n", b"x-a: 1\r\n"), (b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n", b"x")],
    ids=["headers", "body"],
)
@pytest.mark.timeout(120)
def test_a_server_that_is_never_done_is_told(beginning: bytes, drop: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each byte comes in time; all of them together do not."""
    monkeypatch.setattr(source, "ALL_SECONDS", 0.3)
    with dripping(beginning, drop) as url:
        assert refused(url) == (
            f"{url} is not there in whole after 0.3 seconds; look at the address, or save the page and give the file"
        )


def test_what_may_be_secret_in_a_url_is_not_repeated() -> None:
    """Neither a password nor a query."""
    assert shown_url("https://me:hush@x.test:8/a?token=hush#hush") == "https://x.test:8/a"


@pytest.mark.parametrize("path", ["/models/a/b/llms.txt", "/models/a", "/x/a/b", "/models/a/b/c"])
def test_any_other_address_is_asked_for_as_it_is(path: str) -> None:
    """Query included."""
    assert address_of(f"{ORIGIN}{path}?q=1") == f"{ORIGIN}{path}?q=1"


# -- list and show ---------------------------------------------------------------------------------------


def test_list_shows_a_line_for_each_model() -> None:
    """Aligned: name, kind of output, what it does."""
    result = play("list", "--owner", "Moondream3-Preview", "--search", "CAPTION image")
    assert result.stdout.splitlines()[0].startswith("moondream3-preview/caption  text  Moondream 3 writes")
    names = [line.split("  ")[0] for line in play("list").stdout.splitlines() if not line.startswith(" ")]
    assert len(names) >= 100
    assert names == sorted(names, key=str.lower)
    assert "sora-2-pro" in play("list", "--kind", "video").stdout
    assert "sora-2-pro" not in play("list", "--kind", "image").stdout


def test_own_models_are_listed_beside_the_shipped_ones(tmp_path: Path) -> None:
    """With `--scenarios`, as the server takes it."""
    play("add", PAGE, "--to", tmp_path)
    assert "acme/Night Painter.2" in play("list", "--scenarios", tmp_path, "--owner", "acme").stdout
    assert play("show", "acme/night-painter-2", "--scenarios", tmp_path).exit_code == 0


def test_show_says_what_may_be_sent() -> None:
    """A table: id, type, whether it is required, the default, and what it may be."""
    lines = play("show", "google/NANO-banana-pro").stdout.splitlines()
    assert lines[0].startswith("google/nano-banana-pro: ")
    assert "  POST /v1/Run/google/nano-banana-pro" in lines
    table = "\n".join(lines[4:])
    assert "inputImage     combinefileinput                     up to 14 files or URLs" in table
    assert "prompt         text              required" in table
    assert "resolution     select                      1K       1K, 2K, 4K" in table
    assert '"", 1:1, 2:3' in table
    shown = play("show", "black-forest-labs/flux-2-pro").stdout
    assert "0 to 2048, in steps of 16" in shown


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["show", "google/nano-bananna"], "there is no model 'google/nano-bananna'; did you mean google/nano-banana?"),
        (["show", "caption"], "there is no model 'caption'; did you mean moondream3-preview/caption?"),
        (
            ["show", "zz/qq"],
            "there is no model 'zz/qq'; none of the 108 is near; see wiro-mock model list (",
        ),
        (["show", "nope/captoin"], "did you mean moondream3-preview/caption? If not, see wiro-mock model list (--scen"),
        (["show", "gpt"], "there is no model 'gpt'; did you mean openai/gpt-"),
        (["list", "--kind", "sound"], "no kind 'sound'; did you mean 'audio'?"),
        (["list", "--owner", "gogle"], "there is no owner 'gogle'; did you mean 'google'?"),
        (["list", "--kind", "vidio"], "no kind 'vidio'; did you mean 'video'?"),
        (["list", "--search", "qqqq"], "there is no such model; leave out --owner, --kind or --search to see more"),
        (["list", "--scenarios", "/nowhere"], "there is no folder '/nowhere'; look at the path"),
        (["lst"], "no command 'lst'; did you mean 'list'?"),
        (["add"], "see wiro-mock model add --help"),
    ],
)
def test_wrong_usage_is_one_sentence_with_the_way_out(words: list[str], sentence: str) -> None:
    """On stderr, with status 2."""
    result = play(*words)
    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (2, "", 1)
    assert sentence in result.stderr


@pytest.mark.parametrize("name", ["add", "list", "show"])
def test_every_command_has_help_with_an_example(name: str) -> None:
    """That can be copied."""
    assert f"Example: wiro-mock model {name}" in play(name, "--help").stdout


def test_a_broken_folder_is_told(tmp_path: Path) -> None:
    """With the loader's own complaints."""
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "x.yaml").write_text("model: x\n")
    result = play("list", "--scenarios", tmp_path)
    assert result.exit_code == 1
    assert "no model is shown before this is mended:" in result.stderr
    assert "x.yaml:1:8" in result.stderr
