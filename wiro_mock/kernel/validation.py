"""A run's parameters against what its model says of them (rest.md §5.3 to §5.5, §9).

The parameters are looked at in the order in which the model lists them; the first that fails is the one that is told,
for every known sample of Wiro's has one error. That order is our choice: no source has it. What Wiro is not known to
refuse passes, and what the model does not list is never looked at.
"""

from __future__ import annotations

from collections.abc import Mapping

from wiro_mock.kernel import parameter_reasons as why
from wiro_mock.kernel.catalog import FILES, NUMBERS, Model, Parameter
from wiro_mock.kernel.file_inputs import MOST_VALUES, companions, entries, found
from wiro_mock.kernel.numbers import digits, number_of
from wiro_mock.kernel.orders import OWN_FIELDS
from wiro_mock.kernel.refusals import No, Refusal
from wiro_mock.kernel.rules import Rules
from wiro_mock.kernel.texts import value_text


def check_parameters(model: Model, parameters: Mapping[str, object], rules: Rules) -> None:
    """Let a run's parameters pass, or raise the `Refusal` of the first that fails, in the model's order.

    `parameters` are as they were received, with an `InputBlob` where a file was sent; nothing in them is changed.
    Wiro's sentences: required (a parameter, files), must be integer or float, must be between. Where no sentence of
    Wiro's is known it is the general one, `Request parameters are invalid.`: too many files, a range of which one
    side only is known, and, with `rules.listed_options`, a choice that is not listed or a text that is too long.
    """
    if not rules.check_parameters:
        return
    for one in model.parameters:
        if one.id in OWN_FIELDS:
            continue
        if one.type in FILES:
            _check_files(model, one, parameters)
        elif is_absent(one, parameters.get(one.id)):
            if one.required and not _given_elsewhere(model, one, parameters):
                raise No.REQUIRED.refusal(name=one.id, reason=why.missing(model, one, parameters))
        else:
            _check_value(model, one, parameters[one.id], listed=rules.listed_options)


def is_absent(one: Parameter, value: object) -> bool:
    """Whether a value counts as not given: null, an empty text, or a list of nothing else (rest.md §5.3).

    An empty text that the model lists as an option is a value. A text of blanks is one, too: our choice.
    """
    if value == "":
        return "" not in one.options
    if not isinstance(value, list | tuple):
        return value is None
    if len(value) > MOST_VALUES:  # a body of megabytes can hold millions of empty texts
        return False
    rest: list[object] = [value]
    for _ in range(MOST_VALUES):
        if not rest:
            return True
        item = rest.pop()
        if isinstance(item, list | tuple):
            rest.extend(item)
        elif item not in (None, ""):
            return False
    return not rest


def _check_files(model: Model, one: Parameter, parameters: Mapping[str, object]) -> None:
    sent, more = found(parameters, one.id)
    if more:
        raise No.PARAMETERS_INVALID.refusal(reason=why.beyond_counting(model, one))
    if not sent:
        if one.required:
            raise No.FILES_REQUIRED.refusal(name=one.id, reason=why.missing(model, one, parameters))
        return
    # A `fileinput` is Wiro's word for a field of one file (rest.md §5.4); that more are refused is our choice.
    most = one.entries or (1 if one.type == "fileinput" else None)
    if most is not None and len(sent) > most:
        raise No.PARAMETERS_INVALID.refusal(reason=why.too_many(model, one, len(sent), most))


def _check_value(model: Model, one: Parameter, value: object, *, listed: bool) -> None:
    if one.type in NUMBERS or one.minimum is not None or one.maximum is not None:
        _check_number(model, one, value)
    if not listed:
        return
    if one.options and not one.more_options and (other := _unlisted(one, value)) is not None:
        raise No.PARAMETERS_INVALID.refusal(reason=why.not_listed(model, one, other))
    if one.max_length is not None and isinstance(value, str) and len(value) > one.max_length:
        raise No.PARAMETERS_INVALID.refusal(reason=why.too_long(model, one, value))


def _check_number(model: Model, one: Parameter, value: object) -> None:
    number = number_of(value)
    if number is None:
        if one.type in NUMBERS:
            raise No.NUMBER.refusal(name=one.id, reason=why.no_number(model, one, value))
        # Of a text with a range (`seed`) only the sentence about the range has been seen (rest.md §5.5).
        raise _out_of_range(model, one, value)
    if (one.minimum is not None and number < one.minimum) or (one.maximum is not None and number > one.maximum):
        raise _out_of_range(model, one, value)


def _out_of_range(model: Model, one: Parameter, value: object) -> Refusal:
    reason = why.out_of_range(model, one, value)
    if one.minimum is None or one.maximum is None:
        return No.PARAMETERS_INVALID.refusal(reason=reason)
    return No.RANGE.refusal(name=one.id, least=digits(one.minimum), most=digits(one.maximum), reason=reason)


def _unlisted(one: Parameter, value: object) -> object | None:
    """The first value that is none of the options, in any letter case: Wiro's own defaults differ in that."""
    known = {option.lower() for option in one.options} | {(one.default or "").lower()}
    values = value if isinstance(value, list | tuple) else [value]
    return next((item for item in values if item is not None and value_text(item).lower() not in known), None)


def _given_elsewhere(model: Model, one: Parameter, parameters: Mapping[str, object]) -> bool:
    """Whether another field stands in for a required one: a file for its URL, a conversation for its prompt.

    Wiro lists `inputImageUrl` as a parameter of its own beside `inputImage`; either will do (rest.md §5.4).
    Models that call tools take `messages` in place of `prompt` (rest.md §5.2).
    """
    if one.id == "prompt" and why.TOOL_CALLS in model.categories:
        return any(parameters.get(name) for name in why.INSTEAD_OF_PROMPT)
    files = (other for other in model.parameters if other.type in FILES and one.id in companions(other.id))
    return any(entries(parameters, other.id) for other in files)
