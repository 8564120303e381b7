"""The loader: every complaint word for word with its place, YAML's traps, redefinitions, and refreshing."""

from __future__ import annotations

import contextlib
import os
import shutil
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tests.scenarios_kit import JOB, keep, stored
from wiro_mock import loader, yaml_source
from wiro_mock.complaints import ScenarioError
from wiro_mock.kernel import events as e
from wiro_mock.kernel.plan import Step
from wiro_mock.loader import Library, load_models, load_scenarios, load_text, shipped
from wiro_mock.yaml_source import read_documents

GOOD = "scenario: NAME\nabout: A trial.\nsteps:\n  - exit: 0\n"


def _complaints(text: str, **where: Any) -> list[str]:
    with pytest.raises(ScenarioError) as caught:
        load_text(text, file="f.yaml", **where)
    return str(caught.value).split("\n")


def _step(line: str) -> list[str]:
    """The complaints about one step, which stands in line 4."""
    return _complaints(f"scenario: x\nabout: y\nsteps:\n  - {line}\n  - stall:\n")


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("acept: {after: 1s}", "4:5: step 1: acept: unknown key; did you mean 'accept'?"),
        (
            "zzz:",
            "4:5: step 1: zzz: unknown key; a step is one of: accept, preprocess, assign, start, print, stderr, "
            "progress, stream, produce, exit, postprocess, hold, stall, cancel, setup_error, refuse",
        ),
        ("accept: {aftr: 1s}", "4:14: step 1: accept.aftr: unknown key; did you mean 'after'?"),
        ("preprocess: {q: 1}", "4:18: step 1: preprocess.q: unknown key; the keys here are: after, for"),
        ("accept: {after: 5}", "4:21: step 1: accept.after: 5 has no unit; write 5s or 5ms"),
        ("accept: 200ms", "4:13: step 1: accept: '200ms' is not a mapping; write {after: …}, the keys here are: after"),
        ("stall", "4:5: step 1: 'stall' has no colon; write `- stall:`"),
        ("{accept: {}, start: {}}", "4:5: step 1: 2 steps in one item (accept, start); give each its own dash"),
        (
            "{}",
            "4:5: step 1: an empty step; write one of: accept, preprocess, assign, start, print, stderr, "
            "progress, stream, produce, exit, postprocess, hold, stall, cancel, setup_error, refuse",
        ),
        ("print: 5", "4:12: step 1: print.text: '5' is not text; put it in quotes"),
        ("print: [a]", "4:12: step 1: print.text: a list is not text; put it in quotes"),
        ("print:", "4:11: step 1: print.text: is missing; add it: the line; ${…} is filled in"),
        ('print: "${modl}"', "4:12: step 1: print.text: unknown name ${modl}; did you mean ${model}?"),
        (
            'print: "${zzz}"',
            "4:12: step 1: print.text: unknown name ${zzz}; there are: ${model}, ${model.owner}, ${model.slug}, "
            "${task.id}, ${scenario}, ${with.PARAMETER}",
        ),
        ('print: "${"', "4:12: step 1: print.text: '${' is not closed; write ${name}, or $$ for a dollar sign"),
        ("exit: true", "4:11: step 1: exit.code: true is not a whole number"),
        ("exit: 1.5", "4:11: step 1: exit.code: '1.5' is not a whole number"),
        ("exit: 256", "4:11: step 1: exit.code: '256' is too large; write at most 255"),
        ("progress: {steps: 0}", "4:23: step 1: progress.steps: '0' is too small; write at least 1"),
        ("progress: {steps: 2, log: yes}", "4:31: step 1: progress.log: 'yes' is not true or false"),
        ("hold: ''", "4:11: step 1: hold.name: is empty; write something"),
        ("stream: {text: x}", "4:13: step 1: stream.rate: is missing; add it: words per second, such as 45tps"),
        (
            "setup_error: {message: x, then: fial}",
            "4:37: step 1: setup_error.then: 'fial' is not possible; did you mean 'fail'?",
        ),
        (
            "setup_error: {message: x, then: stuck, wait: 1s}",
            "4:18: step 1: setup_error: `wait` means nothing with `then: stuck`; "
            "leave it out, or write then: fail or requeue",
        ),
        (
            "refuse: 5",
            "4:13: step 1: refuse: code 5 needs a message; only 96, 97, 98 have a known sentence",
        ),
        (
            "produce: {}",
            "4:14: step 1: produce: a file has exactly one source, here none; write one of text, json, image, file",
        ),
        (
            "produce: {text: a, json: null}",
            "4:14: step 1: produce: a file has exactly one source, here text and json; "
            "write one of text, json, image, file",
        ),
        (
            "produce: {name: a/b, text: x}",
            "4:21: step 1: produce.name: 'a/b' cannot be a file's name; write one without slashes, quotes or line ends",
        ),
        (
            "produce: {image: {color: red}}",
            "4:30: step 1: produce.image.color: 'red' has the wrong form; write \"#rrggbb\", in quotes",
        ),
        (
            "produce: {image: {width: 5000}}",
            "4:30: step 1: produce.image.width: '5000' is too large; write at most 4096",
        ),
        (
            "produce: {file: a.png}",
            "4:21: step 1: produce.file: there is no folder to look in; "
            "a `file` is found beside the YAML file that names it",
        ),
        (
            "produce: {json: {a: ['${x']}}",
            "4:21: step 1: produce.json: '${' is not closed; write ${name}, or $$ for a dollar sign",
        ),
        ("produce: {text: }", "4:21: step 1: produce.text: has no value; write one, or leave the key out"),
        ("produce: {text: a, name: }", "4:30: step 1: produce.name: has no value; write one, or leave the key out"),
        (
            "produce: {text: a, contenttype: b}",
            "4:37: step 1: produce.contenttype: 'b' has the wrong form; "
            "write a type such as text/plain; by default that of the kind",
        ),
        (
            "refuse: {code: 97, message: }",
            "4:33: step 1: refuse.message: has no value; write one, or leave the key out",
        ),
        ("exit: 0", "5:5: step 2: stall: TAIL"),
    ],
)
def test_each_mistake_in_a_step_has_its_place_and_its_way_out(line: str, complaint: str) -> None:
    """Word for word."""
    if complaint.endswith("TAIL"):  # a stall after an exit is fine: the task stays in task_end
        assert load_text(f"scenario: x\nabout: y\nsteps:\n  - {line}\n  - stall:\n")
        return
    assert _step(line) == [f"f.yaml:{complaint}"]


@pytest.mark.parametrize(
    ("text", "complaints"),
    [
        (
            "scenario: My Name\nabout: ''\nmatch: {model: foo, with: {a: {b: c}, d: []}, x: 1}\nsteps: 5\nfaults: []\n",
            [
                "1:11: scenario: 'My Name' is not a name in small letters, digits and single dashes; write my-name",
                "2:8: about: is empty; write something",
                "3:16: match.model: 'foo' is not the name of a model; "
                "write it like moondream3-preview/caption or wiro/*",
                "3:31: match.with.a: {'b': 'c'} cannot be compared; write a text, a number, or a list of them",
                "3:42: match.with.d: an empty list never matches; write at least one value",
                "3:47: match.x: unknown key; the keys here are: model, with",
                "4:8: steps: '5' is not a list; begin each item with a dash",
                "5:1: faults: unknown key; the keys here are: scenario, about, match, default_for, steps",
            ],
        ),
        (
            "scenario: x\nabout: y\nmatch:\nsteps: [stall: ]\n",
            ["3:7: match: has no value; write one, or leave the key out"],
        ),
        (
            "scenario: x\nabout: y\nmatch: {with: {}}\nsteps: [stall: ]\n",
            ["3:8: match: an empty match fits every run; if that is meant, write model: '*'"],
        ),
        (
            "about: x\n",
            [
                "1:1: scenario: is missing; add it: its name, in kebab case",
                "1:1: steps: is missing; add it: what happens, in order",
            ],
        ),
        (
            "scenario: x\nabout: y\nabout: z\nsteps:\n  - exit: 0\n  - print: a\n  - accept:\n",
            [
                "3:1: about: stands here and in line 2; keep one of the two",
                "6:5: step 2: print: the process has ended by here; move it before exit [output-after-end]",
                "7:5: step 3: accept: comes too late, the task is in task_end by here; the order is accept, "
                "preprocess, assign, start, output, exit, postprocess [step-out-of-order]",
            ],
        ),
        (
            "scenario: x\nabout: y\nsteps: []\n",
            [
                "3:8: step 1: the steps end, but the task does not; "
                "end with exit, stall, hold, cancel or setup_error [success-without-exit]"
            ],
        ),
        (
            "- a\n",
            [
                "1:1: the document: a list is not a mapping; write {scenario: …}, "
                "the keys here are: scenario, about, match, default_for, steps"
            ],
        ),
        ("", ["1:1: the file: is empty; begin with `scenario: a-name`"]),
        ("# nothing\n---\n", ["1:1: the file: is empty; begin with `scenario: a-name`"]),
        ("a:\n\tb: 1\n", ["2:1: YAML: a tab cannot indent; use spaces"]),
        (
            "a: \x07\n",
            ["1:4: YAML: a character that cannot be printed; take it out, or escape it inside double quotes"],
        ),
        (
            "a: !!python/name:os.system x\n",
            ["1:4: the tag tag:yaml.org,2002:python/name:os.system is not understood here; write plain YAML"],
        ),
        ("a: !x {}\n", ["1:4: the tag !x is not understood here; write plain YAML"]),
        ("a: &x [*x]\n", ["1:8: *x stands inside &x itself; a thing cannot contain itself, write it out"]),
        ("a: *x\n", ["1:4: *x has no &x before it; define it first, or write the value out"]),
        ("? [a]\n: b\n", ["1:3: a key is a word, not a list or a mapping; values with braces need quotes"]),
        ("[" * 100_000, ["1:41: more than 40 levels deep; no scenario needs that"]),
    ],
)
def test_each_mistake_in_a_document_has_its_place_and_its_way_out(text: str, complaints: list[str]) -> None:
    """All of them at once, in the order of the lines."""
    assert _complaints(text) == [f"f.yaml:{complaint}" for complaint in complaints]


def test_syntax_errors_are_complaints() -> None:
    """The parser's own words, with the place and where to look."""
    [complaint] = _complaints("a: b: c\n")
    assert complaint.startswith("f.yaml:1:5: YAML: mapping values are not allowed in this context; look at")


def test_an_alias_bomb_is_refused() -> None:
    """What aliases expand to is counted, not built."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    [complaint] = _complaints("\n".join(lines))
    assert complaint.endswith("more than 50000 values once aliases are expanded; write less")


@pytest.mark.parametrize("in_c", [True, False])
def test_yaml_keeps_what_was_written(in_c: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """No 1.1 surprises, with the parser in C and with the one in Python."""
    if not in_c:
        monkeypatch.setattr(yaml_source, "_LOADER", yaml.SafeLoader)
    text = (
        "on: yes\noff: no\na: 1:30\nb: 012\nc: 2026-11-22\nd: 0x1F\ne: 1_000\nf: 1e3\ng: .inf\nh: '5'\ni: -5\n"
        "j: 0.50\nk: true\nl: null\nm: ~\nn:\no: 1234567890123456789012\n1: x\np: !!str 5\nq: '='\nr: &z [1]\ns: *z\n"
    )
    [document], troubles = read_documents(text)
    assert troubles == []
    assert document.data == {
        "on": "yes",
        "off": "no",
        "a": "1:30",
        "b": "012",
        "c": "2026-11-22",
        "d": "0x1F",
        "e": "1_000",
        "f": "1e3",
        "g": ".inf",
        "h": "5",
        "i": -5,
        "j": 0.5,
        "k": True,
        "l": None,
        "m": None,
        "n": None,
        "o": "1234567890123456789012",
        "1": "x",
        "p": "5",
        "q": "=",
        "r": [1],
        "s": [1],
    }


def test_both_parsers_complain_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    """About what is ours to find."""
    texts = ["a: 1\na: 2\n", "a: &x [*x]\n", "[" * 60, "a: *x\n", "a: !x 1\n"]
    in_c = [read_documents(text)[1] for text in texts]
    monkeypatch.setattr(yaml_source, "_LOADER", yaml.SafeLoader)
    assert [read_documents(text)[1] for text in texts] == in_c


@given(st.one_of(st.text(max_size=60), st.text(alphabet="{}[]&*!|>-:?,#'\"\n a1%@`\t", max_size=60)))
def test_no_text_breaks_the_loader(text: str) -> None:
    """It loads, or there is a complaint."""
    with contextlib.suppress(ScenarioError):
        load_text(text)


# -- files and folders


def _write(folder: Path, name: str, text: str | bytes) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def _good(name: str, about: str = "A trial.") -> str:
    return GOOD.replace("NAME", name).replace("A trial.", about)


def test_folders_are_read_in_order_and_whole(tmp_path: Path) -> None:
    """Both extensions, sub-folders, several documents in a file; not models, hidden folders or other files."""
    _write(tmp_path, "b.yml", _good("b"))
    _write(tmp_path, "a.yaml", _good("a1") + "---\n" + _good("a2"))
    _write(tmp_path, "sub/c.yaml", _good("c"))
    _write(tmp_path, "models/m.yaml", "model: a/b\n")
    _write(tmp_path, ".git/x.yaml", "junk")
    _write(tmp_path, "README.md", "junk")
    scenarios = load_scenarios(tmp_path)
    assert [scenario.name for scenario in scenarios] == ["a1", "a2", "b", "c"]
    assert scenarios[1].source == f"{tmp_path}/a.yaml:6"


def test_a_later_path_redefines_a_name(tmp_path: Path) -> None:
    """And takes its place at the end; twice in one path is a complaint."""
    one = _write(tmp_path, "one/x.yaml", _good("x", "first") + "---\n" + _good("y"))
    two = _write(tmp_path, "two/x.yaml", _good("x", "second"))
    loaded = load_scenarios(one, str(two))
    assert [(scenario.name, scenario.about) for scenario in loaded] == [("y", "A trial."), ("x", "second")]
    with pytest.raises(ScenarioError) as caught:
        load_scenarios(tmp_path)
    assert str(caught.value) == f"{two}:1:1: x: is defined here and at {one}:1; rename one of the two"


def test_all_files_complain_at_once(tmp_path: Path) -> None:
    """What is not there, not UTF-8, too large or no file, and every mistake in the others."""
    gone = tmp_path / "gone.yaml"
    _write(tmp_path, "d/a.yaml", b"\xff\xfe")
    _write(tmp_path, "d/b.yaml", "scenario: x\nabout: y\nsteps:\n  - exot: 0\n")
    _write(tmp_path, "d/c.yaml", "#" * (1 << 20) + "\n")
    os.mkfifo(tmp_path / "d" / "d.yaml")
    folder = tmp_path / "d"
    with pytest.raises(ScenarioError) as caught:
        load_scenarios(gone, folder)
    assert str(caught.value).split("\n") == [
        f"{gone}:1:1: gone.yaml: there is no such file or folder; look at the path",
        f"{folder}/a.yaml:1:1: a.yaml: is not UTF-8 (byte 0); save it as UTF-8",
        f"{folder}/b.yaml:4:5: step 1: exot: unknown key; did you mean 'exit'?",
        f"{folder}/c.yaml:1:1: c.yaml: is larger than 1 MiB; put large outputs into files and name them by `file:`",
        f"{folder}/d.yaml:1:1: d.yaml: is not a regular file; give a YAML file or a folder of them",
    ]
    assert [complaint.line for complaint in caught.value.complaints] == [1, 1, 4, 1, 1]


def test_a_byte_order_mark_is_no_mistake(tmp_path: Path) -> None:
    """Some editors write one."""
    path = _write(tmp_path, "a.yaml", b"\xef\xbb\xbf" + _good("a").encode())
    assert [scenario.name for scenario in load_scenarios(path)] == ["a"]


def _with_file(name: str) -> str:
    return f"scenario: x\nabout: y\nsteps:\n  - produce: {{file: {name}}}\n  - exit: 0\n"


def test_a_file_beside_the_yaml_is_sent(tmp_path: Path) -> None:
    """As it was when the scenario was loaded."""
    _write(tmp_path, "out/cat.jpg", b"\xff\xd8cat")
    [scenario] = load_scenarios(_write(tmp_path, "a.yaml", _with_file("out/cat.jpg")))
    events = [item.event for item in scenario.compile(JOB, keep).items if isinstance(item, Step)]
    [file] = [event for event in events if isinstance(event, e.Produced)]
    assert (file.name, file.blob.contenttype, stored[file.blob.digest]) == ("cat.jpg", "image/jpeg", b"\xff\xd8cat")


def test_a_file_stays_inside_the_folder(tmp_path: Path) -> None:
    """After `..` and links are followed."""
    _write(tmp_path, "secret.txt", "s")
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "link.txt").symlink_to(tmp_path / "secret.txt")
    for name in ("../secret.txt", "link.txt", str(tmp_path / "secret.txt"), "/etc/passwd"):
        path = _write(tmp_path, "d/a.yaml", _with_file(name))
        with pytest.raises(ScenarioError) as caught:
            load_scenarios(path)
        assert str(caught.value) == (
            f"{path}:4:21: step 1: produce.file: '{name}' leads out of the folder of this file; copy the file beside it"
        )
    assert _complaints(_with_file("no.txt"), folder=tmp_path) == [
        "f.yaml:4:21: step 1: produce.file: there is no file 'no.txt' beside this one; paths are relative to this file"
    ]


def test_odd_file_names_are_complaints(tmp_path: Path) -> None:
    """Too long, with a NUL, a link to itself, a folder."""
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for name in ("x" * 300, '"a\\0b"', "loop", ".", "''"):
        [complaint] = _complaints(_with_file(name), folder=tmp_path)
        assert complaint.startswith("f.yaml:4:21: step 1: produce.file: ")
        assert ";" in complaint


# -- models

MODEL = 'model: wiro/FLUX.2-dev\nid: "7"\nkind: image\ncps: "0.001"\n'


def test_models_are_read_from_their_folder(tmp_path: Path) -> None:
    """The later folder wins, by clean slug."""
    _write(tmp_path, "a/models/m.yaml", MODEL + "defaults: {steps: 25, hd: true, s: x}\ncategories: [c]\n---\n")
    _write(tmp_path, "b/models/m.yaml", MODEL.replace("FLUX.2-dev", "flux-2-dev").replace('"7"', '"8"'))
    [model] = load_models(tmp_path / "a")
    assert (model.name, model.id, model.cps) == ("wiro/FLUX.2-dev", "7", Decimal("0.001"))
    assert (dict(model.defaults), model.categories) == ({"steps": "25", "hd": "true", "s": "x"}, ("c",))
    assert [model.id for model in load_models(tmp_path / "a", tmp_path / "b")] == ["8"]
    assert load_models(tmp_path / "nothing") == []


def test_models_complain_as_strictly(tmp_path: Path) -> None:
    """Unknown keys, numbers that would lose digits, names that are none."""
    text = "model: flux\nid: 7\nkind: Image\ncps: 0.001\nabot: x\n---\nmodel: a/b\n"
    path = _write(tmp_path, "models/m.yaml", text)
    with pytest.raises(ScenarioError) as caught:
        load_models(tmp_path)
    assert str(caught.value).split("\n") == [
        f"{path}:1:8: model: 'flux' is not the name of a model; write it like moondream3-preview/caption",
        f"{path}:2:5: id: '7' is not text; put it in quotes",
        f"{path}:3:7: kind: 'Image' has the wrong form; write its kind of output, such as text or image",
        f'{path}:4:6: cps: 0.001 is not a price; write USD per second in quotes, such as "0.000585"',
        f"{path}:5:1: abot: unknown key; did you mean 'about'?",
        f"{path}:7:1: id: is missing; add it: digits in quotes",
        f"{path}:7:1: kind: is missing; add it: its kind of output, such as text or image",
        f"{path}:7:1: cps: is missing; add it: USD per second, in quotes",
    ]


# -- the library


def test_a_library_follows_its_folder(tmp_path: Path) -> None:
    """New, changed, broken and removed files; a broken edit keeps the last good version and says so once."""
    path = _write(tmp_path, "a.yaml", _good("mine"))
    library = Library(tmp_path)
    assert library.scenarios[-1].name == "mine"
    assert len(library.models) == 5
    assert library.refresh() == []

    _write(tmp_path, "b.yaml", _good("more"))
    assert library.refresh() == [f"reloaded 2 scenarios from {tmp_path}"]
    assert [scenario.name for scenario in library.scenarios[-2:]] == ["mine", "more"]

    path.write_text("scenario: mine\n")
    broken = [
        f"kept the last good scenarios: {path}:1:1: about: is missing; "
        "add it: one sentence: the situation that a client meets",
        f"kept the last good scenarios: {path}:1:1: steps: is missing; add it: what happens, in order",
    ]
    assert library.refresh() == broken
    assert library.refresh() == []
    path.write_text("scenario: mine\n\n")
    assert library.refresh() == []  # the same breakage is told once
    assert [scenario.name for scenario in library.scenarios[-2:]] == ["mine", "more"]

    path.write_text(_good("mine", "Mended."))
    assert library.refresh() == [f"reloaded 2 scenarios from {tmp_path}"]
    assert library.scenarios[-2].about == "Mended."
    path.unlink()
    assert library.refresh() == [f"reloaded 1 scenario from {tmp_path}"]
    _write(tmp_path, "models/m.yaml", MODEL)
    assert library.refresh() == [f"reloaded 1 scenario from {tmp_path}"]
    assert len(library.models) == 6


def test_a_library_follows_the_files_it_sends(tmp_path: Path) -> None:
    """The bytes beside the YAML are part of the scenario."""
    sent = _write(tmp_path, "cat.txt", "old")
    _write(tmp_path, "a.yaml", _with_file("cat.txt"))
    library = Library(tmp_path)
    sent.write_text("newer")
    assert library.refresh() == [f"reloaded 1 scenario from {tmp_path}"]
    produce: Any = library.scenarios[-1].steps[0].produce
    assert produce.file.data == b"newer"


def test_a_library_takes_single_files_too(tmp_path: Path) -> None:
    """A file is a folder of one."""
    path = _write(tmp_path, "a.yaml", _good("mine"))
    library = Library(path)
    path.write_text(_good("ours"))
    assert library.refresh() == [f"reloaded 1 scenario from {path}"]
    assert library.scenarios[-1].name == "ours"


def test_a_library_does_not_start_broken(tmp_path: Path) -> None:
    """Complaints of scenarios and models come together."""
    _write(tmp_path, "a.yaml", "x: 1\n")
    _write(tmp_path, "models/m.yaml", "y: 1\n")
    with pytest.raises(ScenarioError) as caught:
        Library(tmp_path)
    assert {Path(complaint.file).name for complaint in caught.value.complaints} == {"a.yaml", "m.yaml"}


def test_the_shipped_folder_is_found_in_a_checkout_and_in_a_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Inside the package if it is there, else beside it."""
    assert shipped() == Path(loader.__file__).parent.parent / "scenarios"
    package = tmp_path / "wiro_mock"
    shutil.copytree(shipped(), package / "scenarios")
    monkeypatch.setattr(loader, "__file__", str(package / "loader.py"))
    assert shipped() == package / "scenarios"
    assert len(load_scenarios(shipped())) == 16
