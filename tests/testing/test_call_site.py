"""The line of the tester that a message names."""

from __future__ import annotations

import contextlib
import functools
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

from wiro_mock.testing.call_site import NOWHERE, OURS, here, place_of

FILE = Path(__file__)


def module(name: str, path: str, text: str) -> ModuleType:
    """A module that is not on the disk."""
    made = ModuleType(name)
    vars(made)["here"] = here
    exec(compile(text, path, "exec"), vars(made))
    return made


def line() -> int:
    """The caller's."""
    return sys._getframe(1).f_lineno


def test_it_is_the_line_of_the_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """Relative to the current folder where it lies below it, whole elsewhere."""
    monkeypatch.chdir(FILE.parent.parent.parent)
    assert (here(), line()) == (f"tests/testing/test_call_site.py:{line()}", line())
    monkeypatch.chdir(FILE.parent)
    assert here() == f"test_call_site.py:{line()}"
    monkeypatch.chdir("/")
    assert here() == f"{str(FILE).removeprefix('/')}:{line()}"


def test_a_folder_beside_is_not_below(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Though its name begins alike."""
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    beside = str(tmp_path / "workshop" / "test_x.py")
    assert module("test_x", beside, "place = here()").place == f"{beside}:1"


def test_without_a_current_folder_the_path_is_whole(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Some test has removed it."""
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert here() == f"{FILE}:{line()}"


@pytest.mark.parametrize("name", ["wiro_mock", "wiro_mock.library", "_pytest.python", "pluggy._callers", "functools"])
def test_what_stands_between_is_skipped(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ours, and what only passes calls on."""
    monkeypatch.chdir(FILE.parent)
    between = module(name, "between.py", "def use(): return here()")
    assert between.use() == f"test_call_site.py:{line()}"


@pytest.mark.parametrize("name", ["wiro_mock_helpers", "conftest", "tests.wiro_mock", "my.functools", ""])
def test_what_is_the_testers_is_not(name: str) -> None:
    """A name that only looks like ours; a fixture in a conftest; code without a module's name."""
    assert module(name, "theirs.py", "\ndef use(): return here()").use() == "theirs.py:2"


def test_packages_to_skip_may_be_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """Instead of ours."""
    monkeypatch.chdir(FILE.parent)
    helper = module("helper.deep", "helper.py", "def use(*names): return here(*names)")
    assert helper.use() == "helper.py:1"
    assert helper.use({*OURS, "helper"}) == f"test_call_site.py:{line()}"


def test_through_a_context_manager_and_a_partial(monkeypatch: pytest.MonkeyPatch) -> None:
    """The line of the `with`, and that of the call."""
    monkeypatch.chdir(FILE.parent)
    ours = module("wiro_mock.holding", "ours.py", "def held():\n    yield here()")
    hold: Callable[[], contextlib.AbstractContextManager[str]] = contextlib.contextmanager(ours.held)
    with hold() as place:
        assert place == f"test_call_site.py:{line() - 1}"
    assert functools.partial(here)() == f"test_call_site.py:{line()}"


def test_a_thread_without_a_line_of_the_testers_says_so() -> None:
    """All its frames are Python's."""
    found: list[str] = []
    ours = module("wiro_mock.pump", "ours.py", "def look(found): found.append(here())")
    thread = threading.Thread(target=ours.look, args=(found,))
    thread.start()
    thread.join()
    assert found == [NOWHERE] == ["an unknown place"]


def test_the_place_of_a_frame_is_where_it_is_now() -> None:
    """Not where the function begins."""

    def steps() -> Iterator[int]:
        yield line()
        yield line()

    running = steps()
    for number in running:
        assert place_of(running.gi_frame).endswith(f"test_call_site.py:{number}")  # type: ignore[attr-defined]
