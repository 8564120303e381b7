"""What URLs hold: said by a test, a scenario, the command line or the control API, so that nothing is ever fetched."""

from __future__ import annotations

import base64
import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from tests.api.test_prices import cost, world_with
from tests.api_kit import CAPTION, JSON, detail, make_world, multipart, part, post, post_parts, run, signed, upload
from tests.kernel.test_bill import tier
from tests.live_kit import live
from tests.scenarios_kit import write
from tests.snapshot.kit import loaded, saved
from wiro_mock import WiroMock, inputs
from wiro_mock.backends import Job
from wiro_mock.commands.group import wiro_mock as command
from wiro_mock.commands.options import Held
from wiro_mock.contents import source_files
from wiro_mock.explain import explain
from wiro_mock.kernel import events as e
from wiro_mock.kernel.rules import Limits
from wiro_mock.language.complaints import ScenarioError
from wiro_mock.language.inputs import normal_url
from wiro_mock.language.media import png, sample
from wiro_mock.loader import load_scenarios, load_text
from wiro_mock.misuse import Misuse
from wiro_mock.mock import World
from wiro_mock.testing.verdict import Unmet

URL = "https://cdn.example.com/cats/tabby.png"
MANY = "/v1/Run/google/nano-banana-pro"
"""Takes several pictures."""
STEPS = "steps: [accept, assign, start, exit: 0]"


def declare(world: World, url: str, data: bytes, **more: Any) -> Any:
    blob = world.inputs.stored(data, more.pop("contenttype", "image/png"))
    return world.inputs.declare(url, blob, where="a_test.py:1", **more)


def reason(world: World) -> str:
    return str(world.journal.entries()[-1].outcome.reason)


# -- the rule


def test_a_url_is_echoed_and_nothing_is_told_where_nobody_declares_any() -> None:
    """As ever: the journal has no word about it."""
    world = make_world()
    task, _ = run(world, {"inputImage": URL})
    assert detail(world, task)["parameters"] == {"inputImage": URL}
    assert "inputs" not in world.journal.entries()[0].shown()


def test_a_declared_url_is_echoed_and_the_journal_says_who_declared_it() -> None:
    """And `explain`, beside one that is a file of this mock, and one that nobody knows."""
    world = make_world()
    declare(world, URL, b"tabby")
    own, other = upload(world, b"own")["url"], "https://elsewhere.org/dog.jpg"
    sent = {"inputImage": [URL, own, other], "prompt": "cats"}
    task, _ = run(world, sent, path=MANY)
    assert detail(world, task)["parameters"] == sent
    assert world.journal.entries()[1].shown()["inputs"] == [
        {"parameter": "inputImage", "url": URL, "declared": "a_test.py:1", "size": 5},
        {"parameter": "inputImage", "url": own, "declared": "a file of this mock", "size": 3},
        {"parameter": "inputImage", "url": other, "declared": None},
    ]
    told = " ".join("\n".join(explain(world, "req-2")).split())
    assert f"inputImage: '{URL}' holds 5 bytes, declared by a_test.py:1" in told
    assert f"inputImage: '{other}': nobody has declared what it holds" in told


def test_a_declared_url_is_found_in_every_spelling() -> None:
    """`inputImageUrl`, lists with commas, form fields; scheme and host in any case, with a fragment or without."""
    world = make_world()
    found = declare(world, URL, b"tabby")
    sent = [{"inputImageUrl": URL}, {"inputImage": "", "inputImageUrl": f"https://a.b/c.png,{URL}"}]
    for fields in (*sent, {"inputImage": f"HTTPS://CDN.Example.com/cats/tabby.png#{'x'}"}):
        run(world, {**fields, "prompt": "cats"}, path=MANY)
    assert post_parts(world, CAPTION, part("inputImage", URL)).json["result"] is True
    assert found.runs == 4
    run(world, {"inputImage": URL.upper().replace("HTTPS", "https")})  # a path is not the same in capitals
    assert found.runs == 4


def test_a_url_with_a_misspelling_is_told() -> None:
    """A word for the tester, while the run goes on."""
    told: list[str] = []
    world = make_world(tell=told.append)
    declare(world, URL, b"tabby")
    run(world, {"inputImage": URL.replace("tabby", "taby")})
    run(world, {"inputImage": "https://elsewhere.org/dog.jpg"})
    (line,) = told
    assert line.endswith(f"nobody has declared what it holds (did you mean '{URL}'?)")


def test_what_is_declared_is_what_a_price_measures() -> None:
    """A picture of two megapixels at a URL costs as one that was sent."""
    world = world_with(tier("cp-pixel", "1", per_input="0.01"))
    declare(world, URL, png(2048, 1024, "#6b8e9f"))
    assert cost(world, {"inputImage": URL}) == "2.020000000000"
    assert cost(world, {"inputImage": URL + "?other"}) == "2.010000000000"


def test_a_live_backend_reads_what_is_declared() -> None:
    """Its bytes and its type, with no network in between; of another URL it knows that it is elsewhere."""
    seen = list[tuple[bool, str, bytes]]()

    def look(job: Job) -> Iterator[e.Event]:
        for one in job.inputs("inputImage"):
            seen.append((one.is_here, one.contenttype, one.read() if one.is_here else b""))
        yield job.print("done")

    with WiroMock(time="auto") as wiro:
        wiro.backend("google/nano-banana-pro", look)
        wiro.input_url(URL, b"tabby")
        sent = {"inputImage": [URL, "https://elsewhere.org/dog.jpg"], "prompt": "cats"}
        run_signed(wiro, sent, path=MANY)
        wiro.world.live.wait(60)  # for its thread
    assert seen == [(True, "image/png", b"tabby"), (False, "", b"")]


# -- refusing


def test_a_url_that_nobody_declared_is_refused_where_the_world_is_set_to() -> None:
    """With Wiro's words for a file that did not come (our choice), and the way out for the tester; no task is made."""
    world = make_world(undeclared_inputs="refuse")
    error = post(world, CAPTION, {"inputImage": URL}).error
    assert (error["code"], error["message"]) == (0, "Request files [inputImage] required")
    why = (
        "nobody has declared what it holds, and this world is set to refuse such inputs (undeclared_inputs); wiro.input"
    )
    assert reason(world).startswith(f"inputImage: '{URL}': {why}")
    declare(world, URL, b"tabby")
    assert post(world, CAPTION, {"inputImage": URL + "x"}).json["result"] is False
    assert f"(did you mean '{URL}'?)" in reason(world)
    own = upload(world, b"own")["url"]
    for fields in ({"inputImage": URL}, {"inputImage": own}, {"inputImage": ""}, {"inputImage": "no URL"}, {}):
        run(world, fields)
    assert len(list(world.sim.tasks())) == 5


def test_a_refused_url_counts_as_an_unexpected_call() -> None:
    """So it fails the test also where the client passes over the refusal."""
    with WiroMock(undeclared_inputs="refuse") as wiro:
        assert run_refused(wiro, {"inputImage": URL})
        (problem,) = wiro.problems()
        assert problem.startswith("unexpected call: POST /v1/Run/moondream3-preview/caption -> 200")
        wiro.allow("POST /v1/Run/moondream3-preview/caption")


# -- what is kept


def test_what_is_declared_is_kept_as_long_as_it_is_declared() -> None:
    """Also where an upload of the same bytes is deleted; the later of two for one URL wins; a reset forgets them."""
    world = make_world()
    declare(world, URL, b"same")
    file = upload(world, b"same")
    post(world, "/v1/File/Delete", {"fileid": file["id"]})
    kept = world.held(URL)
    assert kept is not None
    assert world.blobs.read(kept) == b"same"
    declare(world, URL.replace("https", "HTTPS"), b"newer")
    post(world, "/v1/File/List", {})
    assert (len(world.blobs), world.sim.files.bytes_kept) == (1, 5)
    held = world.held(URL)
    assert held is not None
    assert world.blobs.read(held) == b"newer"
    world.reset()
    assert (world.held(URL), len(world.blobs)) == (None, 0)


def test_there_is_a_limit_to_what_is_declared(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of bytes and of URLs; nothing is left of what was too much."""
    monkeypatch.setattr(inputs, "LARGEST", 10)
    monkeypatch.setattr(inputs, "MOST", 2)
    world = make_world()
    with pytest.raises(ValueError, match="larger than"):
        declare(world, URL, b"x" * 11)
    for at in (1, 2, 2):
        declare(world, f"https://a.b/{at}", b"%d" % at)
    with pytest.raises(ValueError, match="2 URLs are declared already"):
        declare(world, "https://a.b/3", b"three")
    small = make_world(limits=Limits(bytes=12))
    for _ in range(2):
        declare(small, "https://a.b/1", b"x" * 7)
    with pytest.raises(ValueError, match="the declared URLs would have more than 12 together"):
        declare(small, "https://a.b/2", b"x" * 6)
    assert len(small.blobs) == 1
    assert len(world.blobs) == 2
    assert world.inputs.forget() == 2
    world.collect()
    assert len(world.blobs) == 0


@given(st.text(max_size=40) | st.from_regex(r"https?://[^\s]{0,20}", fullmatch=True))
def test_any_text_is_a_url_or_a_sentence(text: str) -> None:
    """And the form in which URLs are compared is a form of its own."""
    known = ""
    with contextlib.suppress(ValueError):
        known = normal_url(text)
    assert not known or normal_url(known) == known


# -- by a test


def run_signed(wiro: WiroMock, fields: Mapping[str, object], **more: Any) -> tuple[str, str]:
    wiro.world.project = make_world().project
    return run(wiro.world, fields, **more)


def run_refused(wiro: WiroMock, fields: dict[str, object]) -> bool:
    wiro.world.project = make_world().project
    return post(wiro.world, CAPTION, fields).json["result"] is False


def test_a_test_says_what_a_url_holds_by_bytes_or_a_file(tmp_path: Path) -> None:
    """The content type is that of the file's name, or the URL's, or as it is given."""
    path = write(tmp_path, "cat.jpg", b"jpeg")
    with WiroMock() as wiro:
        found = [
            wiro.input_url(URL, b"tabby", optional=True),
            wiro.input_url("https://a.b/1", path, optional=True),
            wiro.input_url("https://a.b/2.png", str(path), optional=True),
            wiro.input_url("https://a.b/3", b"?", content_type="text/csv", optional=True),
            wiro.input_url("https://a.b/c%61t.MP3?x=.png", b"", optional=True),
        ]
    kinds = ["image/png", "image/jpeg", "image/jpeg", "text/csv", "audio/mpeg"]
    assert [one.blob.contenttype for one in found] == kinds
    assert [one.blob.size for one in found] == [5, 4, 4, 1, 0]
    assert found[0].where.startswith("tests/test_input_urls.py:")


def test_a_url_that_no_run_sends_fails_the_test() -> None:
    """With the line, and the URL that was sent instead; `optional` need not be sent."""
    wiro = WiroMock()
    wiro.input_url(URL, b"tabby")
    wiro.input_url("https://a.b/c", b"", optional=True)
    run_signed(wiro, {"inputImage": URL.replace("tabby", "taby")})
    with pytest.raises(Unmet, match=r"no run sent it; 'https://cdn\.example\.com/cats/taby\.png' was, so did you mean"):
        wiro.verify()
    run_signed(wiro, {"inputImage": URL})
    assert wiro.problems() == []
    wiro.close()


def test_what_cannot_be_declared_is_said_in_one_sentence(tmp_path: Path) -> None:
    """The thing, and the way out."""
    write(tmp_path, "tabby.png", b"x")
    for args, more, told in (
        (("cat.png", b""), {}, "'cat.png' is no URL; write it like https://example.com/cat.png"),
        (("ftp://a.b/c", b""), {}, "is no URL"),
        (("https://a.b:c/", b""), {}, "is no URL"),
        ((URL, 7), {}, "it holds bytes, or the file at a path, not 7"),
        ((URL, tmp_path / "taby.png"), {}, "cannot be read: No such file or directory; did you mean 'tabby.png'?"),
        ((URL, tmp_path), {}, "cannot be read: Is a directory"),
        ((URL, "a cat"), {}, "a text is the path of a file; write bytes for what it holds itself"),
        ((URL, b""), {"content_type": "png"}, "'png' is no content type; write one such as image/png"),
    ):
        with WiroMock() as wiro, pytest.raises(Misuse, match="input_url: ") as caught:
            wiro.input_url(*args, **more)  # type: ignore[arg-type]
        assert told in str(caught.value)
    with pytest.raises(Misuse, match="undeclared_inputs: is echo or refuse, not 'fetch'"):
        WiroMock(undeclared_inputs="fetch")


# -- by a scenario

SCENARIO = f"""
scenario: with-inputs
inputs:
  {URL}: {{image: {{width: 64, height: 32}}}}
  https://a.b/notes: {{text: "what ${{it}} says"}}
  https://a.b/data.json: {{json: {{a: [1, ü]}}}}
  https://a.b/tone.wav: {{audio: {{seconds: 0.5}}}}
  https://a.b/film: {{sample: mp4}}
  https://a.b/beside: {{file: beside.csv, contenttype: text/plain}}
{STEPS}
"""


def test_a_scenario_says_what_urls_hold(tmp_path: Path) -> None:
    """From the sources of `produce`; for every run, whatever plays it; a test's own word goes before it."""
    write(tmp_path, "beside.csv", b"a,b")
    path = write(tmp_path, "mine.yaml", SCENARIO)
    with WiroMock(scenarios=tmp_path) as wiro:
        held = {url: wiro.world.held(url) for url in wiro.world.inputs._by_scenarios()}
        contents = {
            url.rpartition("/")[2]: (blob.contenttype, wiro.world.blobs.read(blob))
            for url, blob in held.items()
            if blob is not None
        }
        assert contents == {
            "tabby.png": ("image/png", png(64, 32, "#6b8e9f")),
            "notes": ("text/plain", b"what ${it} says"),
            "data.json": ("application/json", '{"a": [1, "ü"]}'.encode()),
            "tone.wav": ("audio/wav", contents["tone.wav"][1]),
            "film": ("video/mp4", sample("mp4")),
            "beside": ("text/plain", b"a,b"),
        }
        assert contents["tone.wav"][1].startswith(b"RIFF")
        run_signed(wiro, {"inputImage": URL})
        assert wiro.world.journal.entries()[-1].outcome.inputs[0].declared == f"the scenario at {path}:2"
        wiro.input_url(URL, b"mine", optional=True)
        own = wiro.world.held(URL)
        assert own is not None
        assert wiro.world.blobs.read(own) == b"mine"


def test_of_two_scenarios_the_later_wins_and_an_edit_shows() -> None:
    """The bytes of the one before are not kept."""
    world = make_world()

    def say(text: str) -> bytes:
        document = f"scenario: x\ninputs: {{'{URL}': {{text: {text}}}}}\n{STEPS}\n"
        world.casting.own[:] = [*load_text(document.replace(text, "older").replace(": x", ": w")), *load_text(document)]
        held = world.held(URL)
        assert held is not None
        return world.blobs.read(held)

    assert [say("one"), say("one"), say("two")] == [b"one", b"one", b"two"]
    world.collect()
    assert len(world.blobs) == 1


def test_a_scenario_made_in_python_may_say_it_too() -> None:
    """And its words can be pasted."""
    with WiroMock() as wiro:
        made = wiro.scenario("mine", steps=[{"exit": 0}], inputs={URL: {"text": "x"}}, optional=True)
        assert wiro.world.held(URL) is not None
    assert repr(made).count(f"'inputs': {{'{URL}': {{'text': 'x'}}}}") == 1


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("{cat.png: {text: x}}", "'cat.png' is no URL; write it like https://example.com/cat.png"),
        ("{https://a.b/c: {txt: x}}", "txt: unknown key; did you mean 'text'?"),
        ("{https://a.b/c: {}}", "a URL holds exactly one thing, here none; write one of text, json, image"),
        ("{https://a.b/c: {text: x, sample: mp3}}", "here text and sample"),
        ("{https://a.b/c: {sample: mov}}", "'mov' is not possible"),
        ("{https://a.b/c: {text: x}, HTTPS://A.b/c: {text: y}}", "stands here twice; keep one of the two"),
        ("{https://a.b/c: {file: gone.png}}", "there is no folder to look in"),
    ],
)
def test_a_mistake_in_them_is_told_with_its_place(written: str, told: str) -> None:
    """Line, thing, way out."""
    with pytest.raises(ScenarioError) as caught:
        load_text(f"scenario: x\ninputs: {written}\n{STEPS}\n", file="f.yaml")
    assert told in str(caught.value)
    assert str(caught.value).startswith("f.yaml:2:")


def test_a_file_beside_the_yaml_stays_inside_its_folder(tmp_path: Path) -> None:
    """As for `produce`."""
    path = write(tmp_path, "d/a.yaml", f"scenario: x\ninputs: {{'{URL}': {{file: ../s}}}}\n{STEPS}\n")
    write(tmp_path, "s", b"secret")
    with pytest.raises(ScenarioError, match="leads out of the folder of this file"):
        load_scenarios(path)


# -- for other languages


def test_the_control_api_declares_lists_and_clears() -> None:
    """Over a real socket, by text, by base64, and by the URL of an upload."""
    body, kind = multipart([part("file", b"big", filename="big.png")])
    with live() as running:
        http = running.http
        uploaded = http.post("/v1/File/Upload", content=body, headers={**signed(), "content-type": kind}).json()
        for sent in (
            {"url": URL, "base64": base64.b64encode(b"tabby").decode()},
            {"url": "https://a.b/t", "text": "ü", "contenttype": "text/plain"},
            {"url": "https://a.b/big.png", "same_as": uploaded["list"][0]["url"]},
        ):
            answer = http.post("/__wiro/inputs", json=sent)
            assert answer.status_code == 200, answer.text
        shown = answer.json()
        assert [(one["url"], one["size"], one["contenttype"]) for one in shown["inputs"]] == [
            (URL, 5, "image/png"),
            ("https://a.b/t", 2, "text/plain"),
            ("https://a.b/big.png", 3, "image/png"),
        ]
        ran = http.post(CAPTION, json={"inputImage": URL}, headers={**signed(), "content-type": JSON})
        assert ran.json()["result"] is True
        (entry,) = http.get("/__wiro/journal", params={"task": ran.json()["taskid"]}).json()["journal"]
        assert entry["inputs"][0]["declared"] == "POST /__wiro/inputs"
        assert http.post("/__wiro/inputs", json={"undeclared": "refuse"}).json()["undeclared"] == "refuse"
        assert http.post("/__wiro/inputs/clear").json() == {"cleared": 3}
        assert http.post(CAPTION, json={"inputImage": URL}, headers=signed()).json()["result"] is False


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        ({}, "'' is no URL"),
        ({"url": URL}, 'send one of "text", "base64" and "same_as"'),
        ({"url": URL, "text": "a", "base64": ""}, "send one of"),
        ({"url": URL, "base64": "?"}, "base64 is the bytes in base64"),
        ({"url": URL, "same_as": "https://a.b/c"}, "same_as is the URL of a file here"),
        ({"url": URL, "text": 7}, "text is a text"),
        ({"url": URL, "text": "", "contenttype": "png\r\nx: y"}, "contenttype is a type such as image/png"),
        ({"url": "nowhere", "text": ""}, "'nowhere' is no URL"),
        ({"urls": URL}, "unknown key 'urls'; did you mean 'url'?"),
        ({"undeclared": "fetch"}, "undeclared is echo or refuse, not 'fetch'"),
    ],
)
def test_the_control_api_says_what_is_wrong(sent: dict[str, object], told: str) -> None:
    """And keeps nothing."""
    from wiro_mock.control.asking import Mistake
    from wiro_mock.control.inputs import declare_input

    world = make_world()
    with pytest.raises(Mistake) as caught:
        declare_input(world, sent, {})
    assert told in str(caught.value)
    assert (len(world.blobs), list(world.inputs)) == (0, [])


def test_the_command_line_declares_them(tmp_path: Path) -> None:
    """`--input-url URL=FILE`; they are there again after a reset."""
    path = write(tmp_path, "cat=1.png", b"cat")
    pair = Held().convert(f"https://a.b/c?x=1={write(tmp_path, 'cat.png', b'cat')}", None, None)
    assert pair == ("https://a.b/c?x=1", tmp_path / "cat.png")
    world = make_world(input_urls=((URL, path),))
    for _ in range(2):
        held = world.held(URL)
        assert held is not None
        assert world.blobs.read(held) == b"cat"
        world.reset()


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("https://a.b/c", "has no file; write it like https://example.com/cat.png=cat.png"),
        ("https://a.b/c=gone.png", "there is no file 'gone.png'"),
        ("nowhere=PATH", "'nowhere' is no URL"),
    ],
)
def test_the_command_line_says_what_is_wrong(value: str, told: str, tmp_path: Path) -> None:
    """Before anything is started."""
    path = write(tmp_path, "a.png", b"")
    done = CliRunner().invoke(command, ["serve", "--input-url", value.replace("PATH", str(path))])
    assert done.exit_code == 2
    assert told in " ".join(done.output.replace("│", " ").split())


def test_a_world_that_is_saved_and_loaded_knows_them_as_well(tmp_path: Path) -> None:
    """Their bytes, who declared them, and how often they were sent; and the journal's word about it."""
    write(tmp_path, "beside.csv", b"a,b")
    scenarios = load_scenarios(write(tmp_path, "mine.yaml", SCENARIO))
    world = make_world(undeclared_inputs="refuse", expire_files=7)
    declare(world, URL, b"tabby", optional=False)
    run(world, {"inputImage": URL})
    other = loaded(saved(world), make_world(input_urls=(("https://a.b/c", write(tmp_path, "c.png", b"c")),)))
    (mine, kept) = other.inputs
    assert (mine.url, kept.url, kept.where, kept.optional, kept.runs) == ("https://a.b/c", URL, "a_test.py:1", False, 1)
    assert [other.blobs.read(one.blob) for one in (mine, kept)] == [b"c", b"tabby"]
    assert (other.inputs.undeclared, other.expire_files) == ("refuse", 7)
    assert [one.shown() for one in other.journal] == [one.shown() for one in world.journal]
    assert [one.data for one in source_files(scenarios)] == [b"a,b"]
