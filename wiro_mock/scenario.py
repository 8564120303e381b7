"""A scenario: one named situation that a client can meet, the runs it plays for, and the plan it makes of one.

Which scenario plays a run, in order: the one asked for by name; the most specific one whose `match` fits; the
default of the model's kind of output.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, TypeAlias

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PrivateAttr,
    WithJsonSchema,
    model_validator,
)

from wiro_mock.kernel.account import AS_IT_IS, Terms
from wiro_mock.kernel.answer import Turn
from wiro_mock.kernel.catalog import Model, clean_slug
from wiro_mock.kernel.events import Accepted, Job
from wiro_mock.kernel.files import Blob
from wiro_mock.kernel.kinds import KINDS, Kind
from wiro_mock.kernel.nearest import listed, nearest
from wiro_mock.kernel.plan import Live, Plan, PlanItem, Step
from wiro_mock.kernel.texts import value_text
from wiro_mock.language import timeline
from wiro_mock.language.account import AccountItem
from wiro_mock.language.backend import BackendItem
from wiro_mock.language.complaints import Complaint, ScenarioError, complain
from wiro_mock.language.faults import TaskFault
from wiro_mock.language.fillers import Content
from wiro_mock.language.inputs import Inputs
from wiro_mock.language.names import MissingName, Names
from wiro_mock.language.spelling import step_words
from wiro_mock.language.steps import Refuse, StepItem, step_kinds
from wiro_mock.language.strict import DRAFT, Given, Strict, tidy
from wiro_mock.language.substitution import unlike
from wiro_mock.language.timeline import Keep

__all__ = ["Chosen", "Complaint", "Keep", "Match", "Scenario", "ScenarioError", "choose", "schema"]

UNLIMITED = Decimal(1000)
NONE_CAME: Mapping[str, int] = {}
NAME_SHOWN = 100
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


_Known: TypeAlias = tuple[
    object, Mapping[str, tuple[str, ...]], Sequence[PlanItem], Sequence[tuple[Content, str]]
]  # steps, what was looked up of the run, items, files


class _Layout:
    """What a scenario's steps came to, which is the same for every run when no run's name is filled into them, and
    the run asks for the same picture.

    Laying them out takes as long as all the rest of a run. Equal to any other: it tells nothing of its scenario.
    """

    __slots__ = ("_known",)

    def __init__(self) -> None:
        # All in one, for the worlds of several threads share a scenario.
        self._known: _Known = (None, {}, (), ())

    def of(self, steps: object, names: Names, keep: Keep) -> Sequence[PlanItem] | None:
        """The items of these very steps, their files kept once more; None when they are not known for such a run."""
        of, wished, items, kept = self._known
        if of is not steps or any(names.wishes(name) != wish for name, wish in wished.items()):
            return None
        for data, kind in kept:
            keep(data, kind)
        return items

    def remember(
        self, steps: object, names: Names, items: Sequence[PlanItem], kept: Sequence[tuple[Content, str]]
    ) -> None:
        """The items of steps that none of these names was filled into."""
        self._known = (steps, dict(names.wished), tuple(items), tuple(kept))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Layout)

    __hash__ = None  # type: ignore[assignment]


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
    _layout: _Layout = PrivateAttr(default_factory=_Layout)

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


@dataclass(frozen=True, slots=True)
class Chosen:
    """The scenario of a run, and how it came to play: "asked for", "match" or "default for KIND".

    `demanded` is one that a test asked for, and that must come to all of its effects. `turns` is what the run counts
    for (`Match.turn_of`).
    """

    scenario: Scenario
    how: str
    demanded: bool = False
    turns: tuple[str, ...] = ()


def choose(
    scenarios: Sequence[Scenario],
    model: Model,
    parameters: Mapping[str, object],
    asked: str | None = None,
    come: Mapping[str, int] = NONE_CAME,
) -> Chosen:
    """The scenario that plays this run; of equals, the later in the sequence. Raises `ScenarioError` for none.

    `come` is how many runs have come before that fit (`Match.turn_of` → number).
    """
    if asked is not None:
        return Chosen(_named(scenarios, asked), "asked for")
    fitting = [scenario for scenario in scenarios if scenario.match and not scenario.matches(model, parameters)]
    due = [scenario for scenario in fitting if not scenario.is_early(come)]
    if due:
        best = max(enumerate(due), key=lambda numbered: (numbered[1].rank(model), numbered[0]))
        return Chosen(best[1], "match", turns=turns_of(fitting))
    for scenario in reversed(scenarios):
        if model.kind in scenario.default_for:
            return Chosen(scenario, f"default for {model.kind}", turns=turns_of(fitting))
    raise complain(_nothing_plays(scenarios, model, parameters))


def turns_of(fitting: Sequence[Scenario]) -> tuple[str, ...]:
    """What a run counts for: the matches that it fits, where one of them waits for its turn."""
    turns = {one.match.turn_of for one in fitting if one.match is not None and one.match.nth > 1}
    return tuple(sorted(turns))


def schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of one document, for editors."""
    made = Scenario.model_json_schema(by_alias=True)
    tidy(made)
    definitions = made["$defs"]
    steps = {}
    for name, kind in step_kinds().items():
        forms = [definitions[kind.__name__]]
        if kind.shorthand:
            forms.append(dict(forms[0]["properties"][kind.shorthand]))
        if not kind.least:
            forms.append({"type": "null"})
        definitions[kind.__name__] = {"description": kind.__doc__, "anyOf": forms}
        steps[name] = {"$ref": f"#/$defs/{kind.__name__}", "description": kind.__doc__}
    definitions["StepItem"] = {
        "description": StepItem.__doc__,
        "anyOf": [
            {
                "type": "object",
                "properties": steps,
                "additionalProperties": False,
                "minProperties": 1,
                "maxProperties": 1,
            },
            {"type": "string", "enum": [name for name, kind in step_kinds().items() if not kind.least]},
        ],
    }
    backend = definitions["BackendItem"]
    definitions["BackendItem"] = {"anyOf": [backend, dict(backend["properties"]["use"])]}
    made["required"].remove("steps")
    made["oneOf"] = [{"required": ["steps"]}, {"required": ["backend"]}]
    made["properties"]["scenario"]["pattern"] = "^[a-z0-9]+(-[a-z0-9]+)*$"
    return {"$schema": DRAFT, **made, "title": "wiro_mock scenario"}


def _named(scenarios: Sequence[Scenario], asked: str) -> Scenario:
    for scenario in reversed(scenarios):
        if scenario.name == asked:
            return scenario
    names = [scenario.name for scenario in scenarios]
    near = nearest(asked, names)
    hint = f"did you mean '{near}'?" if near else f"none is near; there are: {listed(names)}"
    raise complain(f"no scenario '{asked[:NAME_SHOWN]}'; {hint}")


def _nothing_plays(scenarios: Sequence[Scenario], model: Model, parameters: Mapping[str, object]) -> str:
    what = f"no scenario plays for {model.name} (kind {model.kind})"
    way = f"add `default_for: {model.kind}` to one, or a match, or ask for one by name"
    candidates = [(scenario.matches(model, parameters), scenario) for scenario in scenarios if scenario.match]
    candidates = [(differences or ["it is not its turn yet"], scenario) for differences, scenario in candidates]
    if not candidates:
        return f"{what}: none has a match; {way}"
    differences, nearest = min(candidates, key=lambda pair: len(pair[0]))
    where = f" ({nearest.source})" if nearest.source else ""
    return f"{what}; the nearest is '{nearest.name}'{where}, but {' and '.join(differences)}; {way}"


def _literal(glob: str) -> int:
    return sum(char not in "*?[]" for char in glob)
