"""A scenario: one named situation that a client can meet, the runs it plays for, and the plan it makes of one."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, PrivateAttr, WithJsonSchema, model_validator

from wiro_mock.kernel.account import AS_IT_IS, Terms
from wiro_mock.kernel.answer import Turn
from wiro_mock.kernel.catalog import Model, clean_slug
from wiro_mock.kernel.events import Accepted, Job
from wiro_mock.kernel.files import Blob
from wiro_mock.kernel.kinds import KINDS, Kind
from wiro_mock.kernel.plan import Live, Plan, Step
from wiro_mock.kernel.texts import value_text
from wiro_mock.laid_out import Layout
from wiro_mock.language import timeline
from wiro_mock.language.account import AccountItem
from wiro_mock.language.backend import BackendItem
from wiro_mock.language.complaints import Complaint, ScenarioError, complain
from wiro_mock.language.faults import TaskFault
from wiro_mock.language.fillers import Content
from wiro_mock.language.inputs import Inputs
from wiro_mock.language.names import MissingName, Names
from wiro_mock.language.spelling import step_words
from wiro_mock.language.steps import Refuse, StepItem
from wiro_mock.language.strict import Given, Strict
from wiro_mock.language.substitution import unlike
from wiro_mock.language.timeline import Keep

__all__ = ["Complaint", "Keep", "Match", "Scenario", "ScenarioError"]

UNLIMITED = Decimal(1000)
_ADD_IT = "send it, give the model a default for it, or match only runs that have it (`with`)"


def _listed(value: object) -> object:
    return value if isinstance(value, list) else [value]


def _scalars(value: object) -> list[str]:
    values = value if isinstance(value, list) else [value]
    for item in values:
        if not isinstance(item, str | int | float):
            raise ValueError(f"{item!r} cannot be compared; write a text, a number, or a list of them")
    if not values:
        raise ValueError("an empty list never matches; write at least one value")
    return [value_text(item) for item in values]


def _check_globs(globs: list[str]) -> list[str]:
    for glob in globs:
        if glob != "*" and glob.count("/") != 1:
            raise ValueError(f"'{glob}' is not the name of a model; write it like moondream3-preview/caption or wiro/*")
    return globs


def _check_name(name: str) -> str:
    if name != clean_slug(name):
        way = clean_slug(name) or "my-scenario"
        raise ValueError(f"'{name}' is not a name in small letters, digits and single dashes; write {way}")
    return name


_ONE_OR_MORE = WithJsonSchema(
    {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]}
)
_VALUES = WithJsonSchema(
    {
        "anyOf": [
            {"type": ["string", "number", "boolean"]},
            {"type": "array", "items": {"type": ["string", "number", "boolean"]}, "minItems": 1},
        ]
    }
)
Words = Annotated[list[str], BeforeValidator(_listed), Field(min_length=1), _ONE_OR_MORE]
_KIND = {"type": "string", "enum": list(KINDS)}
Kinds = Annotated[
    list[Kind],
    BeforeValidator(_listed),
    Field(min_length=1),
    WithJsonSchema({"anyOf": [_KIND, {"type": "array", "items": _KIND, "minItems": 1}]}),
]


class Match(Strict):
    """Which runs a scenario plays for by itself; all must hold, and the most specific scenario wins."""

    model: Annotated[Annotated[Words, AfterValidator(_check_globs)] | None, Given] = Field(
        default=None, description="owner/slug, or a glob such as google/*, or a list of them"
    )
    parameters: dict[str, Annotated[list[str], BeforeValidator(_scalars), _VALUES]] = Field(
        default={}, alias="with", description="parameters of the run: a value, or a list of values that will do"
    )
    nth: Annotated[int, Field(ge=1, strict=True)] = Field(
        default=1, description="from the so manyeth run on of those that fit otherwise; recordings have it"
    )

    @model_validator(mode="after")
    def _not_empty(self) -> Match:
        if not self.model and not self.parameters:
            raise ValueError("an empty match fits every run; if that is meant, write model: '*'")
        return self

    @property
    def turn_of(self) -> str:
        """The same for all that differ in `nth` only: what their runs are counted by."""
        globs = sorted({glob.casefold() for glob in self.model or []})
        return json.dumps([globs, sorted((name, sorted(values)) for name, values in self.parameters.items())])


class Scenario(Strict):
    """One document of the scenario language."""

    name: Annotated[str, AfterValidator(_check_name)] = Field(
        alias="scenario", min_length=1, description="its name, in kebab case"
    )
    about: str = Field(default="", min_length=1, description="one sentence: the situation that a client meets")
    match: Annotated[Match | None, Given] = Field(
        default=None, description="which runs it plays for; without it, only when asked for"
    )
    default_for: Kinds = Field(
        default=[], description="kinds of output (text, image, …) whose models fall back to this scenario"
    )
    account: Annotated[AccountItem | None, Given] = Field(
        default=None, description="what the run meets in place of the account's own state; nothing of it stays"
    )
    inputs: Annotated[Inputs, Given] = Field(
        default={}, description="what URLs hold that runs send as inputs, by URL; nothing is fetched from anywhere"
    )
    backend: Annotated[BackendItem | None, Given] = Field(
        default=None, description="the program that says what happens, in place of steps"
    )
    steps: list[StepItem] = Field(description="what happens, in order")
    faults: list[TaskFault] = Field(default=[], description="what goes wrong on the way, while the steps go on")
    _source: str = PrivateAttr(default="")
    _layout: Layout = PrivateAttr(default_factory=Layout)

    @model_validator(mode="before")
    @classmethod
    def _backend_or_steps(cls, value: Any) -> Any:
        if not isinstance(value, dict) or "backend" not in value:
            return value
        if "steps" in value:
            raise ValueError("backend: says by itself what happens; leave it out, or the `steps`")
        return {**value, "steps": []}

    @model_validator(mode="after")
    def _is_of_use(self) -> Scenario:
        if self.faults and self.steps and isinstance(self.steps[0].step, Refuse):
            raise ValueError("faults: a refused run has no task, so no request about it can fail; leave them out")
        if self.account and self.refuses:
            raise ValueError("account: `refuse` answers before anybody looks at it; leave one of the two out")
        return self

    def model_post_init(self, context: Any, /) -> None:
        """Remember where it was written."""
        self._source = (context or {}).get("source", "")

    def words(self) -> dict[str, object]:
        """It in the words of its YAML; what was left out there is left out here."""
        shown: dict[str, object] = {"scenario": self.name}
        for key in ("about", "match", "default_for", "account", "backend"):
            if key in self.model_fields_set:
                value = getattr(self, key)
                is_part = isinstance(value, Match | AccountItem | BackendItem)
                shown[key] = value.model_dump(mode="json", by_alias=True, exclude_unset=True) if is_part else value
        if self.inputs:
            shown["inputs"] = {url: item.words() for url, item in self.inputs.items()}
        if not self.backend:
            shown["steps"] = [step_words(item) for item in self.steps]
        if self.faults:
            shown["faults"] = [fault.words() for fault in self.faults]
        return shown

    def __repr__(self) -> str:
        """Its words, to be pasted into a test."""
        return f"Scenario.model_validate({self.words()!r})"

    __str__ = __repr__

    @property
    def source(self) -> str:
        """`path:line` of the document; empty for a scenario that was made in Python."""
        return self._source

    @property
    def specificity(self) -> tuple[int, int, int]:
        """More parameters win, then the longer literal part of the model's glob, then the later turn."""
        globs = self.match.model if self.match and self.match.model else []
        parameters, nth = (len(self.match.parameters), self.match.nth) if self.match else (0, 1)
        return parameters, max(map(_literal, globs), default=0), nth

    @property
    def refuses(self) -> bool:
        """Whether it refuses every run by itself."""
        return len(self.steps) == 1 and isinstance(self.steps[0].step, Refuse)

    @property
    def terms(self) -> Terms:
        """What its runs meet in place of the account's own state."""
        if self.account is None:
            return AS_IT_IS
        return self.account.terms(f"the scenario '{self.name}'" + (f" ({self.source})" if self.source else ""))

    def compile(self, job: Job, keep: Keep, *, balance: Decimal = UNLIMITED, turns: Sequence[Turn] = ()) -> Plan:
        """The plan of this run; `turns` came before it in its conversation.

        Raises the `Refusal` of a refuse step, and `ScenarioError` for a missing name.
        """
        if self.refuses and isinstance(first := self.steps[0].step, Refuse):
            raise first.refusal(balance, f"the scenario '{self.name}' refuses every run ({self.source})")
        if self.backend is not None:
            live = Live(backend=self.backend.use, options=self.backend.options)
            return Plan(scenario=self.name, items=[Step(after=0, event=Accepted()), live])
        names, kept = Names(job, self.name, turns), list[tuple[Content, str]]()
        if (laid_out := self._layout.of(self.steps, names, keep)) is not None:
            return Plan(scenario=self.name, items=laid_out)

        def keep_and_remember(data: Content, kind: str) -> Blob:
            kept.append((data, kind))
            return keep(data, kind)

        try:
            items, problems = timeline.lay_out(self.steps, names, keep_and_remember)
        except MissingName as missing:
            raise complain(f"scenario '{self.name}': {missing}; {_ADD_IT}", source=self.source) from None
        if problems:
            raise complain(f"scenario '{self.name}': {problems[0].message}", source=self.source, rule=problems[0].rule)
        if not names.asked:
            self._layout.remember(self.steps, names, items, kept)
        return Plan(scenario=self.name, items=items)

    def matches(self, model: Model, parameters: Mapping[str, object]) -> list[str]:
        """Nothing when it plays for this run by itself, else each difference in words."""
        if self.match is None:
            return ["it has no match: it plays only when asked for by name"]
        differences = []
        globs = self.match.model
        if globs and not any(model.fits(glob) for glob in globs):
            differences.append(f"model is {model.name}, not {' or '.join(globs)}")
        differences += unlike(self.match.parameters, parameters, model.defaults)
        return differences

    def rank(self, model: Model) -> tuple[int, int, int]:
        """Its specificity for this model: of several globs, those that fit count."""
        globs = self.match.model if self.match and self.match.model else []
        fitting = (_literal(glob) for glob in globs if model.fits(glob))
        parameters, _, nth = self.specificity
        return parameters, max(fitting, default=0), nth

    def is_early(self, come: Mapping[str, int]) -> str:
        """Why it does not play yet, after so many runs that fit (`Match.turn_of` → number); empty when it may."""
        if self.match is None or self.match.nth == 1:
            return ""
        if self.match.nth <= (count := come.get(self.match.turn_of, 0)) + 1:
            return ""
        return f"it plays from run {self.match.nth} that fits on, and this is run {count + 1}"


def _literal(glob: str) -> int:
    return sum(char not in "*?[]" for char in glob)
