"""The `answer` steps of a scenario: together they are one answer, which they say one after the other."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from wiro_mock.kernel import events as e
from wiro_mock.kernel.answer import Answer, Piece
from wiro_mock.kernel.events import Duration
from wiro_mock.language import answers
from wiro_mock.language import steps as s
from wiro_mock.language.answers import AnswerText
from wiro_mock.language.broken_rules import BrokenRule
from wiro_mock.language.run_texts import Texts


class Answers:
    """The `answer` steps of a scenario: together they are one answer, which they say one after the other."""

    def __init__(self, steps: Iterable[s.StepItem], texts: Texts) -> None:
        self._texts = texts
        self._left: deque[tuple[AnswerText, tuple[Piece, ...]]] = deque()
        count = 0
        for item in steps:
            if isinstance(step := item.step, AnswerText):
                pieces = tuple(answers.pieces_of(step, texts, count))
                count += len(pieces)
                self._left.append((step, pieces))
        self._answer: Answer | None = answers.answer_of(self._left, texts) if self._left else None
        self._place = 0
        self._begun: Duration | None = None

    def next(self, step: AnswerText, at: Duration) -> Iterable[tuple[Duration, e.Message]]:
        """The snapshots of the next of the steps, which is this one; it begins at this time of the plan."""
        assert self._answer is not None
        _, pieces = self._left.popleft()
        if self._left and (early := step.ends):
            message = f"answer: {' and '.join(early)} tell of the whole answer; move them to its last step"
            raise BrokenRule("answer-ends-once", message)
        self._begun = at if self._begun is None else self._begun
        part = answers.Part(
            start=self._place, pieces=pieces, before=at - self._begun, last=not self._left, seed=self._texts.seed
        )
        self._place += sum(piece.length for piece in pieces)
        return answers.replies(self._answer, part, step)
