"""A parameter as its source has it → one that the strict loader takes; what contradicts itself is left out, and told.

Sources contradict themselves: defaults that are none of the options (rest.md §5.5), ranges that are mapped where
none was meant. A model that can be played without them is worth more than none.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from itertools import chain, repeat
from typing import Final, get_args

from wiro_mock.kernel.catalog import CHOICES, FILES, NUMBERS, TEXTS, Parameter, ParameterType
from wiro_mock.kernel.numbers import digits
from wiro_mock.kernel.orders import OWN_FIELDS
from wiro_mock.language.parameters import AND_MORE, numeric
from wiro_mock.published.draft import Found
from wiro_mock.published.values import beyond, line, number
from wiro_mock.text import printable

TYPES: Final[tuple[ParameterType, ...]] = get_args(ParameterType)
LONGEST_ID: Final = 100
MOST: Final = 500
"""So many parameters are taken of a model; the largest that is known has 26."""
MOST_OPTIONS: Final = 1_000
_SHOWN: Final = 60


def cleaned(found: Iterable[Found], remarks: list[str]) -> tuple[Parameter, ...]:
    """The parameters, each id once. What had to be left out is added to the remarks, one phrase each.

    What every run may have is no parameter of a model, though some sources list it among them (rest.md §5.2).
    """
    kept: dict[str, Parameter] = {}
    for one in found:
        if one.id in OWN_FIELDS:
            continue
        if not _is_id(one.id):
            remarks.append(f"the parameter {shown(one.id)}: that cannot be an id")
        elif one.id in kept:
            remarks.append(f"{one.id}: a second parameter of this id")
        elif len(kept) == MOST:
            remarks.append(f"{one.id} and what comes after it: more than {MOST} parameters")
            break
        else:
            kept[one.id] = _Cleaner(one, remarks).parameter()
    return tuple(kept.values())


def shown(text: str) -> str:
    """The beginning of a text, in quotes and on one line."""
    return f"'{printable(text[:_SHOWN])}{'…' if len(text) > _SHOWN else ''}'"


def _is_id(name: str) -> bool:
    """Whether the loader takes it for an id; nor may it be longer than a key of YAML."""
    return 0 < len(name) <= LONGEST_ID and name.isprintable() and not any(char in " ,;:=&?" for char in name)


class _Cleaner:
    def __init__(self, found: Found, remarks: list[str]) -> None:
        self._found = found
        self._remarks = remarks

    def parameter(self) -> Parameter:
        """The parameter, as far as it is free of contradictions."""
        found, kind = self._found, self._type()
        low, high = self._range(kind)
        options, labels = self._options(kind)
        return Parameter(
            id=found.id,
            type=kind,
            required=found.required,
            default=self._default(kind, (low, high), options),
            minimum=low,
            maximum=high,
            step=self._step(kind),
            options=options,
            option_labels=labels if any(labels) else (),
            more_options=bool(options) and found.more_options,
            entries=found.most if kind in FILES else None,
            max_length=found.most if kind in TEXTS else None,
            label=found.label,
            note=found.note,
            placeholder=found.placeholder,
            group=found.group,
        )

    def _leave_out(self, what: str) -> None:
        self._remarks.append(f"{self._found.id}: {what}")

    def _type(self) -> ParameterType:
        if self._found.type in TYPES:
            return self._found.type
        kind: ParameterType = "select" if self._found.options else "text"
        self._leave_out(f"its type {shown(self._found.type)}, which we do not know; it is a {kind} here")
        return kind

    def _range(self, kind: ParameterType) -> tuple[Decimal | None, Decimal | None]:
        low, high = self._number("min", self._found.low, kind), self._number("max", self._found.high, kind)
        if low is not None and high is not None and (low > high or low == high == 0):
            self._leave_out(f"its range from {low} to {high}, in which there is nothing")
            return None, None
        return low, high

    def _step(self, kind: ParameterType) -> Decimal | None:
        step = self._number("step", self._found.step, kind)
        if step is not None and step <= 0:
            self._leave_out(f"its step {step}, which leads nowhere")
            return None
        return step

    def _number(self, name: str, text: str | None, kind: ParameterType) -> Decimal | None:
        if text is None or kind not in NUMBERS | TEXTS:
            return None
        if (value := number(text)) is None:
            self._leave_out(f"its {name} {shown(text)}, which is no number, or too large a one")
        return value

    def _options(self, kind: ParameterType) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The options, and for each its label, which is empty where it says no more than the option."""
        options = self._found.options if kind in CHOICES else ()
        kept = [pair for pair in zip(options, self._labels(options), strict=True) if pair[0] != AND_MORE][:MOST_OPTIONS]
        if len(kept) < len(options):
            self._leave_out("some of its options")
        return tuple(option for option, _ in kept), tuple(label for _, label in kept)

    def _labels(self, options: Sequence[str]) -> list[str]:
        pairs = zip(options, chain(self._found.option_labels, repeat("")), strict=False)
        return [beyond(label, option, line(option)) for option, label in pairs]

    def _default(
        self, kind: ParameterType, ends: tuple[Decimal | None, Decimal | None], options: tuple[str, ...]
    ) -> str | None:
        default = self._found.default
        if not default:
            return "" if default == "" and "" in options else None
        if reason := self._impossible(default, kind, ends, options):
            self._leave_out(f"its default {shown(default)}, which {reason}")
            return None
        value = number(default) if kind in NUMBERS and numeric(default) is None else None
        return default if value is None else digits(value)  # 1e-05 is a number of JSON's, but no digits

    def _impossible(
        self, default: str, kind: ParameterType, ends: tuple[Decimal | None, Decimal | None], options: tuple[str, ...]
    ) -> str:
        """Why the default cannot be: empty where it can."""
        if options and not self._found.more_options and default.lower() not in map(str.lower, options):
            return "is none of the options"
        low, high = ends
        if kind not in NUMBERS and (kind not in TEXTS or (low is None and high is None)):
            return ""
        value = number(default) if kind in NUMBERS else numeric(default)
        if value is None:
            return "is no number"
        if (low is not None and value < low) or (high is not None and value > high):
            return f"is out of its range from {'…' if low is None else low} to {'…' if high is None else high}"
        return ""
