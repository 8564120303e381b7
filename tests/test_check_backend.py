"""`check_backend`: what keeps the contract comes through, and what breaks it is told in a sentence."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from wiro_mock.backends import BackendError, BrokenContract, Job, check_backend
from wiro_mock.backends import checking as checking_module
from wiro_mock.kernel import events as e
from wiro_mock.kernel import task as task_module
from wiro_mock.kernel.events import Event


def late(job: Job) -> Iterator[Event]:
    yield job.say("A")
    yield e.Exited(code=0)
    raise ValueError("late")


def more(job: Job) -> Iterator[Event]:
    yield job.say("A")
    yield e.Exited(code=0)
    yield e.PostprocessStarted()
    yield e.PostprocessEnded()
    yield job.say("B")


def leaves(job: Job) -> Iterator[Event]:
    yield job.say("A")
    sys.exit(3)


@pytest.mark.parametrize(
    ("backend", "sentence"),
    [
        (late, "the backend fails after its exit, where nobody sees it: ValueError: late"),
        (more, "Output comes after its task has ended"),
        (leaves, "the backend has failed with exit code 1: SystemExit: 3"),
        (lambda job: 5, "run(job) returns 5; it has to return an iterator, as a generator does"),
        (lambda job: iter([]), "the backend has yielded nothing; yield job.say(...), job.produce(...) or Exited(code"),
        (lambda job: iter(["A"]), "IllegalEvent: a backend cannot yield str 'A'; what it can: "),
        (lambda job: iter([job.say("A"), e.Exited(code=300)]), "IllegalEvent: a backend cannot exit with the code 300"),
    ],
)
def test_a_broken_contract_is_told(backend: Any, sentence: str) -> None:
    """Whatever it does; `SystemExit` left by pytest's own door, and was no failure of the test."""
    with pytest.raises(BrokenContract) as caught:
        check_backend(backend)
    assert str(caught.value).startswith(sentence)


def test_a_backend_that_never_says_a_word_is_told_of() -> None:
    """Its first run had no limit: the test that called this hung."""
    told = threading.Event()

    def silent(job: Job) -> Iterator[Event]:
        job.on_cancel(told.set)
        told.wait()
        yield job.say("A")

    with pytest.raises(BrokenContract) as caught:
        check_backend(silent, patience=0.05)
    assert str(caught.value).startswith("the backend has yielded nothing for 0.05 s; ")
    assert told.is_set()


def test_a_backend_that_has_to_fail_and_does_so() -> None:
    """Of its own accord, or by leaving."""

    def refuses(job: Job) -> Iterator[Event]:
        raise BackendError("no picture")
        yield job.say("A")

    assert check_backend(refuses, fails=True).stderr == "no picture"
    assert check_backend(leaves, fails=True).stderr == "SystemExit: 3"
    with pytest.raises(BrokenContract) as caught:
        check_backend(lambda job: iter([job.say("A")]), fails=True)
    assert str(caught.value).startswith("the backend has succeeded with a run that has to fail")


def test_a_backend_that_does_not_hear_of_its_end_is_told_of() -> None:
    """The second run: cancelled after its first event."""
    held = threading.Event()

    runs = ["second", "first"]

    def deaf(job: Job) -> Iterator[Event]:
        yield job.say("A")
        if runs.pop() == "second":
            held.wait()

    with pytest.raises(BrokenContract) as caught:
        check_backend(deaf, patience=0.2)
    held.set()
    assert str(caught.value).startswith("the backend is still at work 0.2 s after it was cancelled")


def test_each_event_is_folded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole log was folded for each: a stream of a thousand words, half a million times."""
    evolved = list[object]()

    def counted(task: Any, entry: Any) -> Any:
        evolved.append(entry)
        return task_module.evolve(task, entry)

    monkeypatch.setattr(checking_module, "evolve", counted)
    task = check_backend(lambda job: iter([job.say("word ") for _ in range(200)]))
    assert task.debugoutput == "word " * 200
    assert len(evolved) < 220
