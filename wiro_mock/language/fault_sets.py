"""A fault set: faults, and delays of tasks, that go together under a name; a document of `faults/*.yaml`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, PrivateAttr, model_validator

from wiro_mock.kernel.catalog import clean_slug
from wiro_mock.language.chances import ChanceText
from wiro_mock.language.faults import FaultItem
from wiro_mock.language.strict import DRAFT, Strict, tidy


def _check_name(name: str) -> str:
    if name != clean_slug(name):
        way = clean_slug(name) or "my-faults"
        raise ValueError(f"'{name}' is not a name in small letters, digits and single dashes; write {way}")
    return name


class Delay(Strict):
    """A task comes to a point of its life so much later. No lie: the task is really slow, wherever it is looked at."""

    before: Literal["task_accept", "task_preprocess_start", "task_assign", "task_start", "task_end"] = Field(
        description="the status that the task comes to later"
    )
    by: ChanceText = Field(description="how much later: 2s, 1s..3s, {lognormal: 20s, sd: 10s}")
    first: bool = Field(default=False, description="only the first task of each model, as after a cold start")


class FaultSet(Strict):
    """One document: what goes wrong in a named kind of bad day."""

    name: Annotated[str, AfterValidator(_check_name)] = Field(
        alias="fault_set", description="its name, such as bad-day"
    )
    about: str = Field(default="", description="what it is like, in a sentence")
    faults: list[FaultItem] = Field(default=[], description="what goes wrong with requests of any task")
    delays: list[Delay] = Field(default=[], description="what tasks come to later than their scenario says")
    _source: str = PrivateAttr(default="")
    _lines: tuple[int, ...] = PrivateAttr(default=())

    @model_validator(mode="after")
    def _is_of_use(self) -> FaultSet:
        if not self.faults and not self.delays:
            raise ValueError("nothing goes wrong in it; write faults, delays or both")
        return self

    def model_post_init(self, context: Any, /) -> None:
        """Remember where it was written."""
        self._source = (context or {}).get("source", "")
        self._lines = (context or {}).get("lines", ())

    @property
    def source(self) -> str:
        """`path:line` of the document."""
        return self._source

    def words(self) -> dict[str, Any]:
        """It in the words of its YAML."""
        shown: dict[str, Any] = {"fault_set": self.name}
        if self.about:
            shown["about"] = self.about
        if self.faults:
            shown["faults"] = [fault.words() for fault in self.faults]
        if self.delays:
            shown["delays"] = [
                {"before": one.before, "by": one.by.words(), **({"first": True} if one.first else {})}
                for one in self.delays
            ]
        return shown

    @property
    def lines(self) -> tuple[int, ...]:
        """The lines at which its faults begin, where they are known."""
        return self._lines

    def source_of(self, index: int) -> str:
        """`path:line` of one of the faults."""
        file, _, line = self._source.rpartition(":")
        return f"{file}:{self._lines[index] if index < len(self._lines) else line}" if file else self._source


def schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of one document, for editors."""
    made = FaultSet.model_json_schema(by_alias=True)
    tidy(made)
    made["properties"]["fault_set"]["pattern"] = "^[a-z0-9]+(-[a-z0-9]+)*$"
    made["anyOf"] = [{"required": ["faults"]}, {"required": ["delays"]}]
    return {"$schema": DRAFT, **made, "title": "wiro_mock fault set"}
