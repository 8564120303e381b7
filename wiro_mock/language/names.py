"""The names of one run, and what each is worth: `${model}`, `${with.NAME}`, `${session.turn}` and the others."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from wiro_mock.kernel.answer import Turn
from wiro_mock.kernel.bill import turn_price
from wiro_mock.kernel.events import Job
from wiro_mock.kernel.prompts import prompt_of
from wiro_mock.kernel.texts import LONGEST_VALUE, value_text
from wiro_mock.language.complaints import did_you_mean
from wiro_mock.language.substitution import LONGEST_WISH, PLACE, parameter


class MissingName(LookupError):
    """A `${with.NAME}` that this run has no value for; the message names what exists."""


class Names:
    """The names of one run, ready to be filled into texts. `asked`: whether there was a place for one in any; `wished`:
    what was looked up of its parameters besides.
    """

    def __init__(self, job: Job, scenario: str, turns: Sequence[Turn] = ()) -> None:
        model = job.model
        self.asked = False
        self.wished: dict[str, tuple[str, ...]] = {}
        self._job = job
        self._turns = turns
        self._prompt: str | None = None
        self._known = {
            "model": model.name,
            "model.owner": model.owner,
            "model.slug": model.slug,
            "task.id": job.id,
            "scenario": scenario,
            "session.turn": str(len(turns) + 1),
            "session.prompt": turns[-1].prompt if turns else "",
            "session.answer": turns[-1].answer if turns else "",
        }

    @property
    def seed(self) -> str:
        """The task's token, from which everything that is drawn derives."""
        self.asked = True
        return self._job.token

    @property
    def prompt(self) -> str:
        """What the run asks of a language model."""
        self.asked = True
        if self._prompt is None:
            self._prompt = prompt_of(self._job)
        return self._prompt

    @property
    def earlier(self) -> int:
        """Tokens of what was said before in the same conversation."""
        self.asked = True
        return sum(turn.tokens for turn in self._turns)

    @property
    def turn_price(self) -> Decimal:
        """What a turn of a realtime session costs, in USD, by the model's prices."""
        self.asked = True
        return turn_price(self._job)

    def fill(self, text: str) -> str:
        """The text with every `${name}` replaced; raises `MissingName`."""
        if "$" not in text:
            return text
        self.asked = True
        return PLACE.sub(lambda found: self._value(found[1]), text)

    def fill_all(self, value: object) -> object:
        """A JSON value with every text in it, keys too, filled."""
        match value:
            case str():
                return self.fill(value)
            case dict():
                return {self.fill(key): self.fill_all(item) for key, item in value.items()}
            case list():
                return [self.fill_all(item) for item in value]
            case _:
                return value

    def wishes(self, name: str) -> tuple[str, ...]:
        """What the run sent for a parameter, and then the model's default: those that there are. Texts that are longer
        than a number or a word could be are left out.
        """
        job = self._job
        sent = value_text(job.parameters[name]) if name in job.parameters else ""
        found = tuple(wish for wish in (sent, job.model.defaults.get(name, "")) if 0 < len(wish) <= LONGEST_WISH)
        self.wished[name] = found
        return found

    def _value(self, name: str | None) -> str:
        if name is None:
            return "$"
        self.asked = True
        if name == "prompt" and name not in self._known:
            self._known[name] = _filled_in(self.prompt)
        if name in self._known:
            return self._known[name]
        job, wanted = self._job, name.removeprefix("with.")
        value = parameter(wanted, job.parameters, job.model.defaults)
        if value is None:
            names = sorted({*job.parameters, *job.model.defaults})
            hint = did_you_mean(wanted, names, what="its parameters are")
            raise MissingName(f"${{{name}}}: this run of {job.model.name} has no parameter '{wanted}'; {hint}")
        self._known[name] = _filled_in(value)
        return self._known[name]


def _filled_in(value: str) -> str:
    """As much of a value as is ever filled into a text."""
    return value if len(value) <= LONGEST_VALUE else f"{value[:LONGEST_VALUE]}…"
