"""Steps become events: what each step of the language does, in the order of a task's life.

A walk goes through the steps with the status that the task would have, and asks the kernel's `TRANSITIONS`
whether an event may happen there. Lifecycle events that a step needs and nobody wrote happen at once: they are
the shortest way through the same table. So there is no second opinion here on what is legal.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Final, TypeAlias, assert_never

from wiro_mock.kernel import events as e
from wiro_mock.kernel.events import Duration, Event
from wiro_mock.kernel.files import Blob, plain_name
from wiro_mock.kernel.lifecycle import way_to
from wiro_mock.kernel.plan import Converse, Hold, PlanItem, Stall, Step
from wiro_mock.kernel.status import KILLABLE, TERMINAL, IllegalEvent, Status, next_status
from wiro_mock.kernel.texts import Growing
from wiro_mock.language import steps as s
from wiro_mock.language.answer_steps import Answers
from wiro_mock.language.answers import AnswerText
from wiro_mock.language.broken_rules import BrokenRule, Problem
from wiro_mock.language.fillers import Content
from wiro_mock.language.media import CONTENT_TYPES, content_type
from wiro_mock.language.outputs import followed, produced, progress, snapshots, ticked
from wiro_mock.language.produce import Produce, SourceFile
from wiro_mock.language.run_texts import AsWritten, Texts
from wiro_mock.language.sessions import SessionStep, script_of

Keep: TypeAlias = Callable[[Content, str], Blob]
"""Stores bytes, or what makes them, with a content type, and returns the blob."""

MOST_ITEMS: Final = 50_000
"""Events of one scenario; so many are some megabytes for each run. A poll goes through 10 000 of them at most."""

_OUTPUTS: Final = (s.Print, s.Stderr, s.ProgressBar, s.Tick, s.StreamText, AnswerText, SessionStep, Produce)
_NO_END: Final = (s.Accept, s.Preprocess, s.Assign, s.Start, *_OUTPUTS)
_AFTER_OUTPUT: Final = frozenset({Status.OUTPUT_FULL, Status.END, Status.POSTPROCESS_START})
_ORDER: Final = "accept, preprocess, assign, start, output, exit, postprocess"


def lay_out(
    steps: Iterable[s.StepItem], texts: Texts, keep: Keep | None, *, most: int = MOST_ITEMS
) -> tuple[list[PlanItem], list[Problem]]:
    """The plan items of the steps, and everything that is wrong with their order. Without `keep` the files are empty:
    none is made, and none is read.
    """
    steps = list(steps)
    walk, problems, index, may_end = _Walk(texts, keep, steps), list[Problem](), 0, False
    for index, item in enumerate(steps):
        try:
            walk.take(item, alone=len(steps) == 1)
        except BrokenRule as broken:
            problems.append(Problem(index, broken.rule, str(broken), item.name))
            may_end |= not isinstance(item.step, _NO_END)
        if len(walk.items) > most:
            message = f"{item.name}: more than {most} events by here; use fewer or shorter steps"
            return walk.items, [*problems, Problem(index, "too-many-events", message, item.name)]
    try:
        if not may_end:  # else the end is there, though in the wrong place
            walk.close()
    except BrokenRule as broken:
        problems.append(Problem(index, broken.rule, str(broken), steps[index].name if steps else ""))
    return walk.items, problems


def check(steps: Iterable[s.StepItem]) -> list[Problem]:
    """Everything that is wrong with the order of the steps, before there is a run."""
    return lay_out(steps, AsWritten(), None)[1]


class _Walk:
    def __init__(self, texts: Texts, keep: Keep | None, steps: Iterable[s.StepItem]) -> None:
        self.items: list[PlanItem] = []
        self.status = Status.QUEUE
        self._texts = texts
        self._keep = keep
        self._over = ""  # the step that ended everything
        self._rests = False  # the last step was a hold
        self._had_stderr = False
        self._streamed = ""
        self._spoken = Growing()
        self._zero: Duration | None = None
        self._produced = 0
        self._has_streamed = False
        self._answered = False
        self._clock = 0
        self._talked = False
        self._answers = Answers(steps, texts)

    def take(self, item: s.StepItem, *, alone: bool) -> None:
        """Go one step further, or raise `BrokenRule` and stay."""
        name, step = item.name, item.step
        if isinstance(step, s.Refuse):
            if not alone:
                message = f"{name}: a refused run has no task, so no other step can happen; make it the only step"
                raise BrokenRule("refuse-alone", message)
            self._over = name
            return
        if self._over:
            message = f"{name}: nothing happens after {self._over}; remove this step, or move it up"
            raise BrokenRule("nothing-after-end", message)
        if self.status in _AFTER_OUTPUT and isinstance(step, _OUTPUTS):
            raise BrokenRule("output-after-end", f"{name}: the process has ended by here; move it before exit")
        try:
            self._play(step)
        except IllegalEvent:
            raise BrokenRule("step-out-of-order", self._out_of_order(name, step)) from None
        self._rests = isinstance(step, s.HoldStep)
        if self.status in TERMINAL or isinstance(step, s.StallStep):
            self._over = name

    def close(self) -> None:
        """The end of the steps: post-processing that nobody wrote, or a complaint that the end is missing."""
        if self._over:
            return
        if self.status is Status.END:
            self._happen(0, e.PostprocessStarted())
            self._happen(0, e.PostprocessEnded())
        elif not self._rests:
            message = "the steps end, but the task does not; end with exit, stall, hold, cancel or setup_error"
            raise BrokenRule("success-without-exit", message)

    def _out_of_order(self, name: str, step: s.AnyStep) -> str:
        if isinstance(step, s.Postprocess):
            return f"{name}: comes before the process has ended; put an exit before it"
        return f"{name}: comes too late, the task is in {self.status} by here; the order is {_ORDER}"

    def _play(self, step: s.AnyStep) -> None:
        match step:
            case s.Accept():
                self._reach_and_happen(step.after, e.Accepted())
            case s.Preprocess():
                self._reach_and_happen(step.after, e.PreprocessStarted())
                self._happen(step.lasting, e.PreprocessEnded())
            case s.Assign():
                self._reach_and_happen(step.after, e.Assigned())
            case s.Start():
                self._reach_and_happen(step.after, e.Started())
            case s.Print():
                self._reach_and_happen(step.after, e.Output(message=self._texts.fill(step.text)))
            case s.Stderr():
                self._reach_and_happen(step.after, e.ErrorOutput(text=self._texts.fill(step.text)))
                self._had_stderr = True
            case s.ProgressBar():
                self._outputs(step.after, progress(step))
            case s.Tick():
                self._reach_and_happen(step.after, e.Output(message=ticked(step, self._texts.fill(step.line))))
            case s.StreamText():
                self._stream(step)
            case AnswerText():
                self._only_one_way("answer", other_way=self._has_streamed)
                self._answered = True
                self._outputs(step.after, self._answers.next(step, self._clock + step.after))
            case SessionStep():
                self._talk(step)
            case Produce():
                self._reach_and_happen(step.after, self._file(step))
                self._produced += 1
            case s.Exit():
                self._reach_and_happen(step.after, e.OutputEnded())
                if self._had_stderr:
                    self._happen(0, e.ErrorEnded())
                self._happen(0, e.Exited(code=step.code, used=step.used))
            case s.Postprocess():
                self._happen(step.after, e.PostprocessStarted())
                self._happen(step.lasting, e.PostprocessEnded())
            case s.HoldStep():
                self.items.append(Hold(name=step.name))
            case s.StallStep():
                self.items.append(Stall())
            case s.Cancel():
                self._cancel(step)
            case s.SetupError():
                self._set_up_badly(step)
            case s.Refuse():
                raise AssertionError("a refusal is no part of a walk")
            case _:
                assert_never(step)

    def _stream(self, step: s.StreamText) -> None:
        self._only_one_way("stream", other_way=self._answered)
        self._has_streamed = True
        if bool(self._streamed and step.pieces) or bool(len(self._spoken) and step.pieces is None):
            message = "stream: a scenario streams its texts by their rate, or in pieces, not both; write pieces only"
            raise BrokenRule("text-or-pieces", message)
        if step.pieces is not None:
            self._speak(step.after, step.pieces)
            return
        text = self._texts.fill(step.text or "")
        self._outputs(step.after, snapshots(self._streamed, text, step))
        self._streamed = followed(self._streamed, text) + text

    def _speak(self, after: Duration, pieces: Iterable[s.StreamPiece]) -> None:
        """Pieces of a text as they came. Their times count from the event before the first of all."""
        self._reach(e.Output)
        self._zero = self._clock if self._zero is None else self._zero
        for piece in pieces:
            self._spoken.add(self._texts.fill(piece.text))
            elapsed = self._clock + after + piece.after - self._zero
            told = e.Snapshot.spoken(self._spoken, elapsed if piece.elapsed is None else piece.elapsed)
            told = told if piece.speed is None else replace(told, words_per_second=piece.speed)
            self._happen(after + piece.after, e.Output(message=told))
            after = 0

    def _talk(self, step: SessionStep) -> None:
        if self._talked:
            raise BrokenRule("one-session", "session: a task has one session only; write all turns into the first one")
        self._talked = True
        self._reach_and_happen(step.after, e.StreamReady())
        self.items.append(Converse(script=script_of(step, self._texts)))

    def _only_one_way(self, name: str, *, other_way: bool) -> None:
        if other_way:
            message = f"{name}: a scenario has stream steps or answer steps, not both; write all of it as answer"
            raise BrokenRule("stream-or-answer", message)

    def _cancel(self, step: s.Cancel) -> None:
        if self.status is not Status.QUEUE and self.status not in KILLABLE:
            message = (
                f"cancel: a task in {self.status} can be neither cancelled (only in task_queue) "
                "nor killed (from task_assign on); move it before accept or after assign"
            )
            raise BrokenRule("cancel-here", message)
        self._happen(step.after, e.Cancelled(killed=self.status is not Status.QUEUE))

    def _set_up_badly(self, step: s.SetupError) -> None:
        self._reach_and_happen(step.after, e.SetupFailed(message=self._texts.fill(step.message)))
        if step.then == "stuck":
            self.items.append(Stall())
            self._over = "setup_error"
        elif step.then == "fail":
            self._happen(step.wait, e.GaveUp(code=1))
        else:
            self._happen(step.wait, e.Requeued())

    def _file(self, step: Produce) -> e.Produced:
        if self._keep is None:
            return e.Produced(name=str(self._produced), blob=Blob(digest="", size=0, contenttype=""))
        default, data, kind = self._content(step)
        # A parameter may hold anything, also what would break a URL.
        name = plain_name(self._texts.fill(step.name or default), default=default)
        return e.Produced(name=name, blob=self._keep(data, step.contenttype or kind))

    def _seed(self) -> str:
        """What the made-up parts of the file that comes now are made from."""
        return f"{self._texts.seed}/{self._produced}"

    def _content(self, step: Produce) -> tuple[str, Content, str]:
        """The name of the file when it has no other, its bytes, and its content type."""
        number = self._produced
        if step.text is not None:
            data = self._texts.fill(step.text).encode(errors="replace")
            return f"{number}.txt", data, content_type(step.name or "", "text/plain")
        if (made := produced(step, self._texts.wishes, self._seed)) is not None:
            ending, content = made
            kind = CONTENT_TYPES[f".{ending}"]
            return f"{number}.{ending}", content, kind if step.filler is None else content_type(step.name or "", kind)
        if isinstance(step.file, SourceFile):
            name = step.file.path.name
            return name, step.file.data, content_type(step.name or name)
        text = json.dumps(self._texts.fill_all(step.data), ensure_ascii=False)
        return f"{number}.json", text.encode(errors="replace"), "application/json"

    def _outputs(self, after: Duration, messages: Iterable[tuple[Duration, e.Message]]) -> None:
        """Outputs at their distances from the beginning of the step."""
        self._reach(e.Output)
        before = -after
        for at, message in messages:
            self._happen(at - before, e.Output(message=message))
            before = at

    def _reach_and_happen(self, after: Duration, event: Event) -> None:
        self._reach(type(event))
        self._happen(after, event)

    def _reach(self, wanted: type[Event]) -> None:
        for kind in way_to(self.status, wanted):
            self._happen(0, kind())

    def _happen(self, after: Duration, event: Event) -> None:
        self.status = next_status(self.status, event)
        if isinstance(event, e.Requeued):
            self._had_stderr = False
        self._clock += after
        self.items.append(Step(after=after, event=event))
