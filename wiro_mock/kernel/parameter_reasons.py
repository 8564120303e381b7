"""Why a run's parameter was refused, in words for the tester: what was sent, what is allowed, and who says so.

None of this goes on the wire.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Final

from wiro_mock.kernel.catalog import FILES, NUMBERS, Model, Parameter
from wiro_mock.kernel.file_inputs import MOST_ENTRIES, MOST_VALUES, companions
from wiro_mock.kernel.nearest import listed, nearest
from wiro_mock.kernel.numbers import digits
from wiro_mock.kernel.orders import InputBlob
from wiro_mock.kernel.texts import value_text

SHOWN: Final = 60
"""Characters of a value that are told of."""
TOOL_CALLS: Final = "llm-tool-call"
"""The category of models that take a conversation in place of a prompt (rest.md §5.2)."""
INSTEAD_OF_PROMPT: Final = ("messages", "toolOutputs")
COMPARED: Final = 50
"""So many names that a model does not have are compared with the one that is missing."""


def missing(model: Model, one: Parameter, parameters: Mapping[str, object]) -> str:
    """A required parameter that was not given; and which one may have been meant for it."""
    if one.id not in parameters:
        sent = "was not sent"
    else:
        sent = f"was sent as {shown(parameters[one.id])}, which counts as not given"
    hint = _stand_in(model, one, parameters) or _meant(model, one, parameters)
    return f"{_head(model, one)} is required and {sent}; {hint}{_wanted(one)}{_said(model)}"


def no_number(model: Model, one: Parameter, value: object) -> str:
    """A value that is no number."""
    return f"{_head(model, one)} is a number, and {shown(value)} is none; {_wanted(one)}{_said(model)}"


def out_of_range(model: Model, one: Parameter, value: object) -> str:
    """A value outside of the range."""
    return f"{_head(model, one)} was sent as {shown(value)}; {_wanted(one)}{_said(model)}"


def too_many(model: Model, one: Parameter, count: int, most: int) -> str:
    """More files and URLs than the parameter takes."""
    takes = "one file or URL" if most == 1 else f"at most {most} files and URLs"
    return f"{_head(model, one)} takes {takes}, and {count} were sent{_said(model)}"


def beyond_counting(model: Model, one: Parameter) -> str:
    """So many files and URLs that nobody counts them."""
    return (
        f"{_head(model, one)} was sent with more than {MOST_ENTRIES} files and URLs, or more than {MOST_VALUES} "
        f"values; the mock counts no further, so send fewer{_said(model)}"
    )


def not_listed(model: Model, one: Parameter, value: object) -> str:
    """A choice that is none of the options."""
    text = value_text(value)
    near = nearest(text, filter(None, one.options))
    hint = f"did you mean {near}? " if near else ""
    return (
        f"{_head(model, one)} was sent as {shown(value)}, which is none of its options; {hint}{_wanted(one)}"
        f"{_said(model)} (options=any takes others, as Wiro is thought to)"
    )


def too_long(model: Model, one: Parameter, value: str) -> str:
    """A text with more characters than the page's form takes."""
    return f"{_head(model, one)} takes {one.max_length} characters, and {len(value)} were sent{_said(model)}"


def shown(value: object) -> str:
    """A value for a sentence: at most 60 characters of it, a file by its size only."""
    if isinstance(value, InputBlob):
        return f"a file of {value.blob.size} bytes"
    if isinstance(value, list | tuple):
        count = len(value)
        return "an empty list" if not count else f"a list of {count} value{'s' if count > 1 else ''}"
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, str):
        return "an empty text" if not value else repr(value[:SHOWN]) + ("…" if len(value) > SHOWN else "")
    text = "null" if value is None else value_text(value)
    return text[:SHOWN] + ("…" if len(text) > SHOWN else "")


def _head(model: Model, one: Parameter) -> str:
    return f"{one.id} of {model.name}"


def _said(model: Model) -> str:
    return f" (so says {model.source})" if model.source else ""


def _meant(model: Model, one: Parameter, parameters: Mapping[str, object]) -> str:
    """The name among those that the model does not have that is most like the missing one."""
    own = {name for known in model.parameters for name in (known.id, *companions(known.id))}
    names = islice((name for name in parameters if name not in own), COMPARED)
    near = nearest(one.id, names)
    return f"{near!r} was sent, which the model does not have: did you mean {one.id}? " if near else ""


def _stand_in(model: Model, one: Parameter, parameters: Mapping[str, object]) -> str:
    """That a conversation was sent where a prompt is required, which only some models take for it."""
    sent = next((name for name in INSTEAD_OF_PROMPT if parameters.get(name)), None)
    if one.id != "prompt" or sent is None:
        return ""
    own = ", ".join(model.categories) or "none"
    return (
        f"`{sent}` stand in for it only with models of the category {TOOL_CALLS} (so Wiro's newest documentation), and "
        f"the categories of this one are: {own}; the switch parameters=unchecked lets every run pass, or "
    )


def _wanted(one: Parameter) -> str:
    if one.type in FILES:
        return f"send a file or a URL as {one.id}, or URLs as {' or '.join(companions(one.id))}"
    if one.options:
        more = ", among others" if one.more_options else ""
        return (
            f"send one of {listed([option or 'an empty text' for option in one.options], most=20)}{more}{_such_as(one)}"
        )
    return f"send {_number_wanted(one)}" if _is_number(one) else "send a text" + _such_as(one)


def _is_number(one: Parameter) -> bool:
    return one.type in NUMBERS or one.minimum is not None or one.maximum is not None


def _number_wanted(one: Parameter) -> str:
    least, most = one.minimum, one.maximum
    if least is not None and most is not None:
        return f"a number from {digits(least)} to {digits(most)}{_such_as(one)}"
    if least is not None:
        return f"a number of {digits(least)} or more{_such_as(one)}"
    return f"a number of {digits(most)} or less{_such_as(one)}" if most is not None else f"a number{_such_as(one)}"


def _such_as(one: Parameter) -> str:
    return f", such as its default {one.default if _is_number(one) else shown(one.default)}" if one.default else ""
