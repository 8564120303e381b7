"""Files and folders of scenarios and models: what is read, what wins, what is sent, and what a server notices."""

from __future__ import annotations

import os
import shutil
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.places import in_a_checkout
from tests.scenarios_kit import JOB, good, keep, stored, with_file, write
from wiro_mock import shipped as where
from wiro_mock.kernel import events as e
from wiro_mock.kernel.plan import Step
from wiro_mock.language.complaints import ScenarioError
from wiro_mock.language.model_files import ModelFile
from wiro_mock.loader import Library, load_models, load_scenarios, load_text, shipped


def _complaints(text: str, folder: Path) -> list[str]:
    with pytest.raises(ScenarioError) as caught:
        load_text(text, file="f.yaml", folder=folder)
    return str(caught.value).split("\n")


def test_folders_are_read_in_order_and_whole(tmp_path: Path) -> None:
    """Both extensions, sub-folders, several documents in a file; not models, hidden folders or other files."""
    write(tmp_path, "b.yml", good("b"))
    write(tmp_path, "a.yaml", good("a1") + "---\n" + good("a2"))
    write(tmp_path, "sub/c.yaml", good("c"))
    write(tmp_path, "models/m.yaml", "model: a/b\n")
    write(tmp_path, ".git/x.yaml", "junk")
    write(tmp_path, "README.md", "junk")
    scenarios = load_scenarios(tmp_path)
    assert [scenario.name for scenario in scenarios] == ["a1", "a2", "b", "c"]
    assert scenarios[1].source == f"{tmp_path}/a.yaml:6"


def test_a_later_path_redefines_a_name(tmp_path: Path) -> None:
    """And takes its place at the end; twice in one path is a complaint."""
    one = write(tmp_path, "one/x.yaml", good("x", "first") + "---\n" + good("y"))
    two = write(tmp_path, "two/x.yaml", good("x", "second"))
    loaded = load_scenarios(one, str(two))
    assert [(scenario.name, scenario.about) for scenario in loaded] == [("y", "A trial."), ("x", "second")]
    with pytest.raises(ScenarioError) as caught:
        load_scenarios(tmp_path)
    assert str(caught.value) == f"{two}:1:1: x: is defined here and at {one}:1; rename one of the two"


def test_all_files_complain_at_once(tmp_path: Path) -> None:
    """What is not there, not UTF-8, too large or no file, and every mistake in the others."""
    gone = tmp_path / "gone.yaml"
    write(tmp_path, "d/a.yaml", b"\xff\xfe")
    write(tmp_path, "d/b.yaml", "scenario: x\nabout: y\nsteps:\n  - exot: 0\n")
    write(tmp_path, "d/c.yaml", "#" * (1 << 20) + "\n")
    os.mkfifo(tmp_path / "d" / "d.yaml")
    folder = tmp_path / "d"
    with pytest.raises(ScenarioError) as caught:
        load_scenarios(gone, folder)
    assert str(caught.value).split("\n") == [
        f"{folder}/a.yaml:1:1: a.yaml: is not UTF-8 (byte 0); save it as UTF-8",
        f"{folder}/b.yaml:4:5: step 1: exot: unknown key; did you mean 'exit'?",
        f"{folder}/c.yaml:1:1: c.yaml: is larger than 1 MiB; put large outputs into files and name them by `file:`",
        f"{folder}/d.yaml:1:1: d.yaml: is not a regular file; give a YAML file or a folder of them",
        f"{gone}:1:1: gone.yaml: there is no such file or folder; look at the path",
    ]
    assert [complaint.line for complaint in caught.value.complaints] == [1, 4, 1, 1, 1]


def test_a_byte_order_mark_is_no_mistake(tmp_path: Path) -> None:
    """Some editors write one."""
    path = write(tmp_path, "a.yaml", b"\xef\xbb\xbf" + good("a").encode())
    assert [scenario.name for scenario in load_scenarios(path)] == ["a"]


def test_a_file_beside_the_yaml_is_sent(tmp_path: Path) -> None:
    """As it was when the scenario was loaded."""
    write(tmp_path, "out/cat.jpg", b"\xff\xd8cat")
    [scenario] = load_scenarios(write(tmp_path, "a.yaml", with_file("out/cat.jpg")))
    events = [item.event for item in scenario.compile(JOB, keep).items if isinstance(item, Step)]
    [file] = [event for event in events if isinstance(event, e.Produced)]
    assert (file.name, file.blob.contenttype, stored[file.blob.digest]) == ("cat.jpg", "image/jpeg", b"\xff\xd8cat")


def test_a_file_stays_inside_the_folder(tmp_path: Path) -> None:
    """After `..` and links are followed."""
    write(tmp_path, "secret.txt", "s")
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "link.txt").symlink_to(tmp_path / "secret.txt")
    for name in ("../secret.txt", "link.txt", str(tmp_path / "secret.txt"), "/etc/passwd"):
        path = write(tmp_path, "d/a.yaml", with_file(name))
        with pytest.raises(ScenarioError) as caught:
            load_scenarios(path)
        assert str(caught.value) == (
            f"{path}:4:21: step 1: produce.file: '{name}' leads out of the folder of this file; copy the file beside it"
        )
    assert _complaints(with_file("no.txt"), tmp_path) == [
        "f.yaml:4:21: step 1: produce.file: there is no file 'no.txt' beside this one; paths are relative to this file"
    ]


def test_odd_file_names_are_complaints(tmp_path: Path) -> None:
    """Too long, with a NUL, a link to itself, a folder."""
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for name in ("x" * 300, '"a\\0b"', "loop", ".", "''"):
        [complaint] = _complaints(with_file(name), tmp_path)
        assert complaint.startswith("f.yaml:4:21: step 1: produce.file: ")
        assert ";" in complaint


def test_a_name_in_two_files_is_told_although_one_is_broken(tmp_path: Path) -> None:
    """Of scenarios and of models."""
    one, two = (
        write(tmp_path, "a.yaml", good("x").replace("exit: 0", "exit: 300")),
        write(tmp_path, "b.yaml", good("x")),
    )
    with pytest.raises(ScenarioError) as caught:
        load_scenarios(tmp_path)
    assert [str(complaint) for complaint in caught.value.complaints] == [
        f"{one}:4:11: step 1: exit.code: '300' is too large; write at most 255",
        f"{two}:1:1: x: is defined here and at {one}:1; rename one of the two",
    ]
    path = write(tmp_path, "models/m.yaml", f"{MODEL}x: 1\n---\n{MODEL.replace('FLUX.2', 'flux-2')}")
    with pytest.raises(ScenarioError) as caught:
        load_models(tmp_path)
    assert [str(complaint) for complaint in caught.value.complaints] == [
        f"{path}:5:1: x: unknown key; the keys here are: {', '.join(ModelFile.model_fields)}",
        f"{path}:7:1: wiro/flux-2-dev: is defined here and at {path}:1; rename one of the two",
    ]


# -- models

MODEL = 'model: wiro/FLUX.2-dev\nid: "7"\nkind: image\ncps: "0.001"\n'


def test_models_are_read_from_their_folder(tmp_path: Path) -> None:
    """The later folder wins, by clean slug."""
    write(tmp_path, "a/models/m.yaml", MODEL + "defaults: {steps: 25, hd: true, s: x}\ncategories: [c]\n---\n")
    write(tmp_path, "b/models/m.yaml", MODEL.replace("FLUX.2-dev", "flux-2-dev").replace('"7"', '"8"'))
    [model] = load_models(tmp_path / "a")
    assert (model.name, model.id, model.cps) == ("wiro/FLUX.2-dev", "7", Decimal("0.001"))
    assert (dict(model.defaults), model.categories) == ({"steps": "25", "hd": "true", "s": "x"}, ("c",))
    assert [model.id for model in load_models(tmp_path / "a", tmp_path / "b")] == ["8"]
    assert load_models(tmp_path / "nothing") == []


def test_models_complain_as_strictly(tmp_path: Path) -> None:
    """Unknown keys, numbers that would lose digits, names that are none."""
    text = "model: flux\nid: 7\nkind: Image\ncps: 0.001\nabot: x\n---\nmodel: a/b\n"
    path = write(tmp_path, "models/m.yaml", text)
    with pytest.raises(ScenarioError) as caught:
        load_models(tmp_path)
    assert str(caught.value).split("\n") == [
        f"{path}:1:8: model: 'flux' is not the name of a model; write it like moondream3-preview/caption",
        f"{path}:2:5: id: '7' is not text; put it in quotes",
        f"{path}:3:7: kind: 'Image' is not possible; did you mean 'image'?",
        f'{path}:4:6: cps: 0.001 is not a price; write USD per second in quotes, such as "0.000585"',
        f"{path}:5:1: abot: unknown key; did you mean 'about'?",
        f"{path}:7:1: id: is missing; add it: digits in quotes",
        f"{path}:7:1: kind: is missing; add it: its kind of output, such as text or image",
        f"{path}:7:1: cps: is missing; add it: USD per second, in quotes",
    ]


# -- the library


def test_a_library_follows_its_folder(tmp_path: Path) -> None:
    """New, changed, broken and removed files; a broken edit keeps the last good version and says so once."""
    path = write(tmp_path, "a.yaml", good("mine"))
    library = Library(tmp_path)
    assert library.scenarios[-1].name == "mine"
    count = len(library.models)
    assert library.refresh() == []

    write(tmp_path, "b.yaml", good("more"))
    assert library.refresh() == [f"reloaded 2 scenarios from {tmp_path}"]
    assert [scenario.name for scenario in library.scenarios[-2:]] == ["mine", "more"]

    assert library.broken == []
    path.write_text("scenario: mine\nmatch:\n")
    broken = [
        f"kept the last good scenarios: {path}:1:1: steps: is missing; add it: what happens, in order",
        f"kept the last good scenarios: {path}:2:7: match: has no value; write one, or leave the key out",
    ]
    assert library.refresh() == broken
    assert library.broken == [line.removeprefix("kept the last good scenarios: ") for line in broken]
    assert library.refresh() == []
    path.write_text("scenario: mine\nmatch:\n\n")
    assert library.refresh() == []  # the same breakage is told once
    assert [scenario.name for scenario in library.scenarios[-2:]] == ["mine", "more"]

    path.write_text(good("mine", "Mended."))
    assert library.refresh() == [f"reloaded 2 scenarios from {tmp_path}"]
    assert library.broken == []
    assert library.scenarios[-2].about == "Mended."
    path.unlink()
    assert library.refresh() == [f"reloaded 1 scenario from {tmp_path}"]
    write(tmp_path, "models/m.yaml", MODEL.replace("wiro/", "mine/"))
    assert library.refresh() == [f"reloaded 1 scenario, 1 model from {tmp_path}"]
    assert len(library.models) == count + 1
    (tmp_path / "b.yaml").unlink()
    assert library.refresh() == [f"reloaded 1 model from {tmp_path}"]
    (tmp_path / "models" / "m.yaml").unlink()
    assert library.refresh() == [f"reloaded 0 scenarios from {tmp_path}"]
    write(tmp_path, "faults/f.yaml", "fault_set: mine\nfaults:\n  - {on: Run, do: {status: 503}}\n")
    assert library.refresh() == [f"reloaded 1 fault set from {tmp_path}"]


def test_a_library_follows_the_files_it_sends(tmp_path: Path) -> None:
    """The bytes beside the YAML are part of the scenario."""
    sent = write(tmp_path, "cat.txt", "old")
    write(tmp_path, "a.yaml", with_file("cat.txt"))
    library = Library(tmp_path)
    sent.write_text("newer")
    assert library.refresh() == [f"reloaded 1 scenario from {tmp_path}"]
    produce: Any = library.scenarios[-1].steps[0].produce
    assert produce.file.data == b"newer"


def test_a_library_takes_single_files_too(tmp_path: Path) -> None:
    """A file is a folder of one."""
    path = write(tmp_path, "a.yaml", good("mine"))
    library = Library(path)
    path.write_text(good("ours"))
    assert library.refresh() == [f"reloaded 1 scenario from {path}"]
    assert library.scenarios[-1].name == "ours"


def test_a_library_does_not_start_broken(tmp_path: Path) -> None:
    """Complaints of scenarios and models come together."""
    write(tmp_path, "a.yaml", "x: 1\n")
    write(tmp_path, "models/m.yaml", "y: 1\n")
    with pytest.raises(ScenarioError) as caught:
        Library(tmp_path)
    assert {Path(complaint.file).name for complaint in caught.value.complaints} == {"a.yaml", "m.yaml"}


@in_a_checkout
def test_the_shipped_folder_is_found_in_a_checkout_and_in_a_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Inside the package if it is there, else beside it."""
    assert shipped() == Path(where.__file__).parent.parent / "scenarios"
    package = tmp_path / "wiro_mock"
    shutil.copytree(shipped(), package / "scenarios")
    everything = [scenario.name for scenario in load_scenarios(shipped())]
    monkeypatch.setattr(where, "__file__", str(package / "shipped.py"))
    assert shipped() == package / "scenarios"
    assert [scenario.name for scenario in load_scenarios(shipped())] == everything
