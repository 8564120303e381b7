"""What the plugin remembers of a session and of a test, and how it fails one: in one sentence."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import pytest

from wiro_mock.testing.fence import Fence

if TYPE_CHECKING:
    from wiro_mock.library import WiroMock  # noqa: F401 -- named in quotes below
    from wiro_mock.testing.elsewhere import Elsewhere  # noqa: F401 -- named in quotes below
    from wiro_mock.testing.recorded import Studio, Taped  # noqa: F401 -- named in quotes below
    from wiro_mock.worlds import Over, Worlds  # noqa: F401 -- named in quotes below

WORLDS = pytest.StashKey["list[WiroMock]"]()
"""The Wiros that a test's fixtures have made."""
PASSED = pytest.StashKey[bool]()
"""Whether the body of a test has passed: of any other, what it left behind is told, and fails nothing."""
LAST_WORDS = pytest.StashKey["list[LastWords]"]()
"""What Wiros had to say when they ended."""
GIVEN = pytest.StashKey[tuple[dict[str, Any], dict[str, Any]]]()
"""The keywords of the ini file, and those of the flags."""
OVER = pytest.StashKey["Over"]()
SHARED = pytest.StashKey["Worlds"]()
STRAYS = pytest.StashKey[list[str]]()
ELSEWHERE = pytest.StashKey["Elsewhere"]()
"""Where tests with the mark `wiro_contract` run instead of against the mock."""
STUDIO = pytest.StashKey["Studio"]()
"""How tests with the mark `wiro_record` are recorded, where they are."""
TAPED = pytest.StashKey["Taped"]()
"""The Wiro of a test that is being recorded."""
LACKED = pytest.StashKey[bool]()
"""Whether a test asked for a run that its recording doesn't have."""
FENCE = pytest.StashKey[Fence]()
"""What keeps all tests from the real Wiro."""
ALLOWING = pytest.StashKey[ExitStack]()
"""What a test may reach, to be undone at its end."""


class LastWords(NamedTuple):
    """A Wiro at its end: what it left behind, whether that fails the test, and its report, if it left anything."""

    problems: list[str]
    strict: bool
    report: str


def over(config: pytest.Config) -> Over:
    """The keys of the tests that are over, to be recognised."""
    from wiro_mock.worlds import Over

    return config.stash.setdefault(OVER, Over())


def forget(item: pytest.Item) -> None:
    """Nothing is known of the test any more."""
    item.stash[WORLDS], item.stash[LAST_WORDS], item.stash[PASSED] = [], [], False
    item.stash[ALLOWING] = ExitStack()


T = TypeVar("T")


def in_one_sentence(act: Callable[[], T], kind: type[Exception]) -> T:
    """Do it, or fail with what an exception of ours says and no traceback: the line in question is in the sentence."""
    try:
        return act()
    except kind as error:
        told = str(error)
    # Outside of the handler, or pytest would show what was being handled, too.
    pytest.fail(told, pytrace=False)
