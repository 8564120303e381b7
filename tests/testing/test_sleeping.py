"""Sleeps of the modules named move a clock; nobody else's do, and afterwards nobody's."""

from __future__ import annotations

import asyncio
import inspect
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wiro_mock.misuse import Misuse
from wiro_mock.testing.sleeping import SleepPatch

GENUINE = {(time, name): getattr(time, name) for name in ("sleep", "monotonic", "time", "perf_counter")} | {
    (asyncio, "sleep"): asyncio.sleep,
    (asyncio.tasks, "sleep"): asyncio.tasks.sleep,
}
NAP = 7200
"""What everything sleeps: longer than any test lives, so that nobody can have slept it really."""
STYLES = """
import asyncio
import time
import time as t
from asyncio import sleep as rest
from time import monotonic, sleep
from time import sleep as nap

def plain(): time.sleep(7200)
def renamed(): t.sleep(7200)
def bound(): sleep(7200)
def bound_and_renamed(): nap(7200)
def inside():
    import time as later
    later.sleep(7200)
def inside_and_bound():
    from time import sleep as later
    later(7200)

async def of_module(): return await asyncio.sleep(7200, "rested")
async def of_name(): return await rest(7200, "rested")
async def of_tasks(): return await asyncio.tasks.sleep(7200, "rested")
async def in_task(): return await asyncio.create_task(asyncio.sleep(7200, "rested"))

def clocks(): return time.time(), time.monotonic(), monotonic(), time.perf_counter()
"""
SYNC = ("plain", "renamed", "bound", "bound_and_renamed", "inside", "inside_and_bound")
ASYNC = ("of_module", "of_name", "of_tasks", "in_task")


@pytest.fixture
def sleepy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], ModuleType]]:
    """Makes packages `client` and `other`, each with a module `polling`, and imports what it is asked for."""
    for package in ("client", "other"):
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").write_text("")
        (tmp_path / package / "polling.py").write_text(STYLES)
    monkeypatch.syspath_prepend(str(tmp_path))

    def find(name: str) -> ModuleType:
        __import__(name)
        return sys.modules[name]

    yield find
    for name in [name for name in sys.modules if name.partition(".")[0] in ("client", "other")]:
        del sys.modules[name]
    check_untouched()


def check_untouched() -> None:
    """Everything is what it was, the very same object."""
    for (module, name), genuine in GENUINE.items():
        assert getattr(module, name) is genuine, f"{module.__name__}.{name}"


class Clock:
    """What was slept, in order."""

    def __init__(self) -> None:
        self.naps: list[float] = []

    def advance(self, seconds: float) -> None:
        self.naps.append(seconds)


@pytest.mark.parametrize("style", SYNC)
@pytest.mark.parametrize("early", [True, False])
def test_every_way_to_call_it_moves_the_clock(sleepy: Any, style: str, early: bool) -> None:
    """Whether the module was imported before or meanwhile; and none does afterwards."""
    if early:
        sleepy("client.polling")
    clock = Clock()
    with SleepPatch(clock.advance, ["client.polling"]):
        getattr(sleepy("client.polling"), style)()
    assert clock.naps == [NAP]
    names = {name: value for name, value in vars(sys.modules["client.polling"]).items() if callable(value)}
    assert (names["sleep"], names["nap"], names["rest"]) == (time.sleep, time.sleep, asyncio.sleep)
    assert names["monotonic"] is time.monotonic


@pytest.mark.parametrize("style", ASYNC)
def test_every_way_to_await_it_moves_the_clock(sleepy: Any, style: str) -> None:
    """And gives the result back; a task made of it too."""
    clock = Clock()
    with SleepPatch(clock.advance, ["client"]):
        assert asyncio.run(getattr(sleepy("client.polling"), style)()) == "rested"
    assert clock.naps == [NAP]


def test_a_package_covers_what_is_below_it_and_nothing_beside(sleepy: Any) -> None:
    """`client` is no prefix of letters."""
    clock = Clock()
    with SleepPatch(clock.advance, ["client"]) as patch:
        assert patch.covers("client.polling")
        assert patch.covers("client")
        assert not patch.covers("clients.polling")
        assert not patch.covers("other.polling")
        assert not patch.covers(None)


def test_others_really_sleep(sleepy: Any) -> None:
    """Also in other threads, while a patch lives; and so does what is not theirs to change."""
    other = sleepy("other.polling")
    clock = Clock()
    with SleepPatch(clock.advance, ["client"]):
        started = time.perf_counter()
        thread = threading.Thread(target=time.sleep, args=(0.02,))
        thread.start()
        time.sleep(0.02)
        thread.join()
        assert time.perf_counter() - started >= 0.02
        assert other.time.sleep is other.t.sleep
    assert clock.naps == []


def test_deadlines_of_the_module_come_nearer_by_what_was_slept(sleepy: Any) -> None:
    """A client with ten minutes of patience does not poll ten real minutes long."""
    polling = sleepy("client.polling")
    clock = Clock()
    with SleepPatch(clock.advance, ["client"]):
        before = polling.clocks()
        polling.plain()
        polling.bound()
        after = polling.clocks()
    assert [abs(late - early - 2 * NAP) < NAP for early, late in zip(before, after, strict=True)] == [True] * 4
    assert polling.clocks()[1] <= time.monotonic()


def test_what_was_kept_of_it_is_genuine_afterwards(sleepy: Any) -> None:
    """A stand-in that somebody holds on to sleeps really."""
    with SleepPatch(Clock().advance, ["client"]):
        kept, kept_async, kept_clock = time.sleep, asyncio.sleep, time.monotonic
    started = time.perf_counter()
    kept(0.01)
    asyncio.run(kept_async(0.01))
    assert time.perf_counter() - started >= 0.02
    assert time.monotonic() <= kept_clock() <= time.monotonic()
    told = inspect.iscoroutinefunction if sys.version_info >= (3, 12) else asyncio.iscoroutinefunction
    assert told(kept_async)


@pytest.mark.parametrize("value", [-1, "1", None, float("nan")])
def test_mistakes_are_the_originals(sleepy: Any, value: Any) -> None:
    """The very words of Python."""
    polling = sleepy("client.polling")
    with pytest.raises((ValueError, TypeError)) as genuine:
        time.sleep(value)
    clock = Clock()
    namespace = vars(polling)
    exec("def wrong(value): time.sleep(value)", namespace)
    with SleepPatch(clock.advance, ["client"]), pytest.raises(type(genuine.value)) as caught:
        polling.wrong(value)
    assert (str(caught.value), clock.naps) == (str(genuine.value), [])


def test_to_sleep_for_no_time_only_lets_others_run(sleepy: Any) -> None:
    """In a loop, a few times around, so that what was waiting goes on."""
    polling = sleepy("client.polling")
    seen: list[str] = []
    exec("async def zero(): await asyncio.sleep(0)", vars(polling))

    async def other() -> None:
        for turn in range(2):
            seen.append(f"other {turn}")
            await asyncio.sleep(0)

    async def both() -> None:
        task = asyncio.create_task(other())
        await polling.of_module()
        seen.append("slept")
        await polling.zero()
        await task

    clock = Clock()
    with SleepPatch(clock.advance, ["client"]):
        asyncio.run(both())
    assert (seen, clock.naps) == (["other 0", "other 1", "slept"], [NAP])


def test_a_sleeper_can_be_cancelled(sleepy: Any) -> None:
    """Before the clock is moved."""
    clock = Clock()

    async def give_up() -> None:
        task = asyncio.create_task(sleepy("client.polling").of_module())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    with SleepPatch(clock.advance, ["client"]):
        asyncio.run(give_up())
    assert clock.naps == []


def test_of_several_patches_the_latest_is_asked(sleepy: Any) -> None:
    """And when it is undone, the one before; two worlds at once in one process."""
    polling = sleepy("client.polling")
    first, second = Clock(), Clock()
    one = SleepPatch(first.advance, ["client"])
    two = SleepPatch(second.advance, ["client.polling", "other"])
    polling.plain()
    two.undo()
    two.undo()
    polling.bound()
    one.undo()
    assert (first.naps, second.naps) == ([NAP], [NAP])
    with pytest.raises(Misuse, match=r"^patch_sleep: this patch was undone; ask for another one with"):
        one.__enter__()


def test_one_patch_undone_leaves_the_modules_of_another(sleepy: Any) -> None:
    """What is covered no more gets its own back at once."""
    client, other = sleepy("client.polling"), sleepy("other.polling")
    genuine = client.sleep
    clock = Clock()
    with SleepPatch(clock.advance, ["other"]):
        SleepPatch(clock.advance, ["client"]).undo()
        assert client.sleep is client.nap is genuine
        assert other.sleep is not genuine
        other.bound()
    assert clock.naps == [NAP]


def test_modules_imported_meanwhile_get_their_own_too(sleepy: Any) -> None:
    """Also those that no patch named; whichever patch is the last to go."""
    one, two = SleepPatch(Clock().advance, ["client"]), SleepPatch(Clock().advance, ["client.polling"])
    other = sleepy("other.polling")
    two.undo()
    one.undo()
    check_untouched()
    assert (other.sleep, other.rest, other.monotonic) == (time.sleep, asyncio.sleep, time.monotonic)


def test_a_sleep_of_the_tests_own_stays(sleepy: Any) -> None:
    """For everybody else, and for all once the patch is undone; the modules named have the clock all the same."""
    polling = sleepy("client.polling")
    real = polling.sleep
    quiet: list[float] = []
    own = quiet.append  # one object: each look-up makes another
    clock = Clock()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "sleep", own)
        with SleepPatch(clock.advance, ["client"]):
            time.sleep(7)
            polling.plain()  # by the module, where the test's own stands
            polling.bound()  # by the name, which the test's own did not reach
        assert time.sleep is own
        assert polling.sleep is real
        patch.setattr(polling, "nap", own)
        with SleepPatch(clock.advance, ["client"]):
            polling.bound_and_renamed()
            patch.setattr(polling, "sleep", own)
        assert polling.sleep is polling.nap is own
    assert (quiet, clock.naps) == ([7], [NAP] * 3)


def test_what_a_test_put_back_too_late_is_genuine_by_the_next_patch(sleepy: Any) -> None:
    """A stand-in that returns after its patch was undone is not taken for the original."""
    patch = pytest.MonkeyPatch()
    try:
        with SleepPatch(Clock().advance, ["client"]):
            patch.setattr(time, "sleep", lambda _: None)
        patch.undo()
        assert time.sleep is not GENUINE[time, "sleep"]
        started = time.perf_counter()
        time.sleep(0.01)
        assert time.perf_counter() - started >= 0.01
        with SleepPatch(Clock().advance, ["client"]):
            time.sleep(0.01)
        check_untouched()
    finally:
        vars(time)["sleep"] = GENUINE[time, "sleep"]


def test_what_is_too_long_is_the_originals(sleepy: Any) -> None:
    """Python refuses it; and for ever is for ever, until it is cancelled."""
    polling = sleepy("client.polling")
    exec("def long(): time.sleep(1e300)\nasync def for_ever(): await asyncio.sleep(float('inf'))", vars(polling))

    async def give_up() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(polling.for_ever(), 0.01)

    clock = Clock()
    with SleepPatch(clock.advance, ["client"]):
        with pytest.raises(OverflowError):
            polling.long()
        asyncio.run(give_up())
    assert clock.naps == []


@given(
    st.permutations(range(4)), st.lists(st.sampled_from(["client", "client.polling", "other"]), min_size=4, max_size=4)
)
def test_undone_in_any_order_nothing_is_left(order: list[int], names: list[str]) -> None:
    """Whichever modules they share."""
    modules = {}
    for name in ("client", "client.polling", "other"):
        modules[name] = sys.modules[name] = ModuleType(name)
        exec(
            "import time, asyncio\nfrom time import sleep, monotonic\nfrom asyncio import sleep as rest",
            vars(modules[name]),
        )
    try:
        patches = [SleepPatch(Clock().advance, [name]) for name in names]
        for number in order:
            patches[number].undo()
        check_untouched()
        for module in modules.values():
            held = (module.sleep, module.monotonic, module.rest)
            assert held == (time.sleep, time.monotonic, asyncio.sleep)
    finally:
        for name in modules:
            del sys.modules[name]


def test_a_module_that_does_not_exist_is_told(sleepy: Any) -> None:
    """With the nearest that does; and so are no names, and what is no name."""
    sleepy("client.polling")

    def told(*names: Any) -> str:
        with pytest.raises(Misuse) as caught:
            SleepPatch(Clock().advance, names)
        return str(caught.value)

    assert told("clinet.polling") == "patch_sleep: there is no module 'clinet.polling'; did you mean 'client.polling'?"
    assert told("polling") == "patch_sleep: there is no module 'polling'; did you mean 'client.polling'?"
    assert told() == (
        "patch_sleep: no module is named; name those that sleep, such as wiro.patch_sleep('myclient.polling')"
    )
    assert told(time) == (
        "patch_sleep: a module is given by its name, such as wiro.patch_sleep('myclient.polling'), "
        "not as <module 'time' (built-in)>"
    )


@pytest.mark.parametrize("name", ["", ".", ".polling", "client.", "client..polling", "client polling", "client-x.y"])
def test_what_no_import_would_take_is_no_module(sleepy: Any, name: str) -> None:
    """One sentence, never a failure of the look-up."""
    with pytest.raises(Misuse, match=r"^patch_sleep: there is no module '.*'; [^\n]+$"):
        SleepPatch(Clock().advance, [name])


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("clinet", "did you mean 'client'?"),
        ("client.poling", "did you mean 'client.polling'?"),
        ("client.polling.Poller", "did you mean 'client.polling'?"),
        ("client.zzzzzz", "did you mean 'client'?"),
        ("zqzqzqzq", "name it as import does, such as wiro.patch_sleep('myclient.polling')"),
    ],
)
def test_the_hint_knows_what_is_not_imported_yet(sleepy: Any, name: str, hint: str) -> None:
    """By what lies on the disk."""
    with pytest.raises(Misuse) as caught:
        SleepPatch(Clock().advance, [name])
    assert str(caught.value) == f"patch_sleep: there is no module '{name}'; {hint}"
    assert "client.polling" not in sys.modules or name == "client.polling.Poller"


def test_a_module_below_one_without_a_spec_does_not_exist(sleepy: Any) -> None:
    """As a script's `__main__`, or a module that a test has made."""
    sys.modules["client"] = ModuleType("client")
    with SleepPatch(Clock().advance, ["client"]), pytest.raises(Misuse, match=r"no module 'client\.polling'"):
        SleepPatch(Clock().advance, ["client.polling"])


def test_one_name_may_stand_alone(sleepy: Any) -> None:
    """A text is not taken for a list of letters; what a name says twice counts once."""
    with SleepPatch(Clock().advance, "client.polling") as patch:
        assert patch.modules == ("client.polling",)
        assert repr(patch) == "<SleepPatch of client.polling>"
    assert repr(patch) == "<SleepPatch of client.polling, undone>"
    with SleepPatch(Clock().advance, ["client", "other", "client"]) as patch:
        assert patch.modules == ("client", "other")


def test_a_package_that_cannot_be_imported_tells_why(sleepy: Any, tmp_path: Path) -> None:
    """A requirement of its own that is missing is not a misspelled name."""
    (tmp_path / "client" / "__init__.py").write_text("import zqzqzqzq")
    with pytest.raises(ModuleNotFoundError, match="zqzqzqzq"):
        SleepPatch(Clock().advance, ["client.polling"])


def test_a_library_that_sleeps_for_the_client_works_if_it_is_named() -> None:
    """anyio's, which calls asyncio's."""
    import anyio

    clock = Clock()
    with SleepPatch(clock.advance, ["anyio._backends._asyncio"]):
        anyio.run(anyio.sleep, NAP)
    assert clock.naps == [NAP]
