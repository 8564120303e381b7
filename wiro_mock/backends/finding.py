"""From a backend's name to the backend: `package.module:name`, or the name of an entry point of any package."""

from __future__ import annotations

import re
from importlib import import_module
from typing import Final

from wiro_mock.backends.job import Backend, BackendError
from wiro_mock.kernel.nearest import nearest

GROUP: Final = "wiro_mock.backends"
"""The group of entry points in which packages offer theirs."""
_DOTTED: Final = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")
_NAME: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")


def is_name(text: str) -> bool:
    """Whether a text can be the name of a backend at all."""
    return len(text) <= 200 and bool(_DOTTED.fullmatch(text) or _NAME.fullmatch(text))


def find(name: str) -> Backend:
    """The backend of this name, imported. Raises `BackendError`, which says what there is, or why it is no use."""
    found = _dotted(name) if ":" in name else _offered(name)
    if not callable(found):
        raise BackendError(f"the backend '{name}' is a {type(found).__name__}; it has to be a function, run(job)")
    backend: Backend = found
    return backend


def _dotted(name: str) -> object:
    module, _, path = name.partition(":")
    try:
        found: object = import_module(module)
    except ModuleNotFoundError as error:
        raise BackendError(f"the backend '{name}' needs the module {error.name!r}; install its package") from None
    except Exception as error:
        raise BackendError(f"the backend '{name}' cannot be imported: {type(error).__name__}: {error}") from error
    for part in path.split("."):
        if not hasattr(found, part):
            names = [one for one in vars(found) if not one.startswith("_")] if hasattr(found, "__dict__") else []
            near = nearest(part, names)
            hint = f"did you mean '{near}'?" if near else "look at its name"
            raise BackendError(f"the backend '{name}': there is no {part!r} in {module}; {hint}")
        found = getattr(found, part)
    return found


def _offered(name: str) -> object:
    from importlib.metadata import entry_points

    offered = {point.name: point for point in entry_points(group=GROUP)}
    if name not in offered:
        near = nearest(name, list(offered))
        there = ", ".join(sorted(offered)) or "none"
        hint = f"did you mean '{near}'?" if near else f"installed packages offer: {there}"
        raise BackendError(f"no backend '{name}'; {hint} (or write it as package.module:name)")
    try:
        found: object = offered[name].load()
    except Exception as error:
        raise BackendError(f"the backend '{name}' cannot be imported: {type(error).__name__}: {error}") from error
    return found
