"""What a field may hold, as its annotation says: each becomes a function that looks at a value, made once.

A file is not trusted: a number where a text belongs would be found out much later, in the middle of an answer.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import fields
from types import NoneType, UnionType
from typing import Any, Literal, TypeAlias, Union, get_args, get_origin, get_type_hints

from wiro_mock.kernel.texts import Growing

Check: TypeAlias = Callable[[object], bool]


def checks_of(kind: type, names: Mapping[str, type]) -> Mapping[str, Check]:
    """For each field of a dataclass, whether a value may stand there. `names` are types that its module only names."""
    return {name: check_of(hint) for name, hint in hints_of(kind, names).items()}


def hints_of(kind: type, names: Mapping[str, type]) -> Mapping[str, Any]:
    """The annotations of a dataclass's fields, as the things that they name."""
    import wiro_mock.kernel.audio
    import wiro_mock.kernel.session
    import wiro_mock.kernel.tokens

    module = vars(sys.modules[kind.__module__])
    extra = {"Sound": wiro_mock.kernel.audio.Sound, "Decimal": __import__("decimal").Decimal}
    hints = get_type_hints(kind, globalns={**names, **extra, **module})
    return {field.name: hints[field.name] for field in fields(kind)}


def check_of(hint: Any) -> Check:
    """Whether a value is what an annotation says."""
    if hint is Any or hint is object:
        return _anything
    if hint is None or hint is NoneType:
        return lambda value: value is None
    origin, args = get_origin(hint), get_args(hint)
    if origin is None:
        return _instance(hint)
    if origin is Literal:
        return lambda value: value in args and type(value) in {type(one) for one in args}
    if origin is Union or origin is UnionType:
        return _any_of(args)
    if origin is tuple:
        return _tuple(args)
    if issubclass(origin, Mapping):
        key, item = map(check_of, args)
        return lambda value: isinstance(value, dict) and all(key(one) and item(of) for one, of in value.items())
    if issubclass(origin, deque | Collection | Sequence | AbstractSet):
        each = check_of(args[0])
        return lambda value: isinstance(value, tuple | list | frozenset | deque) and all(map(each, value))
    return _instance(origin)


def _anything(value: object) -> bool:  # noqa: ARG001 -- a check like the others
    return True


def _instance(kind: type) -> Check:
    if kind in (int, bool, str):  # neither is a bool an int here, nor an enum a text
        return lambda value: type(value) is kind or (kind is str and isinstance(value, str))
    if kind is float:
        return lambda value: type(value) in (int, float)
    if kind is Growing:  # what grew has come to its end: it is a text now
        return lambda value: isinstance(value, str)
    return lambda value: isinstance(value, kind)


def _any_of(args: tuple[Any, ...]) -> Check:
    plain = tuple(one for one in args if isinstance(one, type) and get_origin(one) is None and one not in (int, float))
    others = [check_of(one) for one in args if one not in plain]
    return lambda value: isinstance(value, plain) or any(check(value) for check in others)


def _tuple(args: tuple[Any, ...]) -> Check:
    if len(args) == 2 and args[1] is Ellipsis:
        each = check_of(args[0])
        return lambda value: isinstance(value, tuple) and all(map(each, value))
    checks = [check_of(one) for one in args]
    return lambda value: (
        isinstance(value, tuple)
        and len(value) == len(checks)
        and all(check(one) for check, one in zip(checks, value, strict=True))
    )
