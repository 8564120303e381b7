"""Names of modules that a test gives as text: each must exist, or the nearest that does is told."""

from __future__ import annotations

import difflib
import importlib.util
import pkgutil
import sys
from collections.abc import Sequence

from wiro_mock.misuse import Misuse
from wiro_mock.text import printable

EXAMPLE = "wiro.patch_sleep('myclient.polling')"

__tracebackhide__ = True  # a failure is in the tester's line


def check_modules(names: Sequence[str]) -> tuple[str, ...]:
    """The names, each once. Raises `Misuse` for none, for one that is no text, and for one that no import would find.

    To look inside of a package that is not imported yet, Python imports it.
    """
    if isinstance(names, str):
        names = (names,)
    if not names:
        raise Misuse(f"patch_sleep: no module is named; name those that sleep, such as {EXAMPLE}")
    for name in names:
        if not isinstance(name, str):
            raise Misuse(f"patch_sleep: a module is given by its name, such as {EXAMPLE}, not as {_shown(name)}")
        if not _exists(name):
            raise Misuse(f"patch_sleep: there is no module {_shown(name)}; {_hint(name)}")
    return tuple(dict.fromkeys(names))


def _shown(value: object) -> str:
    return printable(repr(value))


def _exists(name: str) -> bool:
    if sys.modules.get(name) is not None:
        return True
    if not all(part.isidentifier() for part in name.split(".")):
        return False
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError as error:
        if error.name is not None and f"{name}.".startswith(f"{error.name}."):
            return False  # a package on the way is not there, or is no package
        raise


def _hint(name: str) -> str:
    """The nearest that exists: spelled nearly so, or all but the end, or the same with its package before it."""
    found: list[str] = []
    for part in name.split("."):
        near = difflib.get_close_matches(part, _inside(".".join(found)), n=1, cutoff=0.7)
        if not near:
            break
        found.append(near[0])
    # A name alone is more often one whose package was left out than one that is misspelled.
    inner = [module for module in sys.modules if module.endswith(f".{name}")]
    guess = min(inner, key=len) if inner else ".".join(found)
    return f"did you mean '{guess}'?" if guess else f"name it as import does, such as {EXAMPLE}"


def _inside(package: str) -> set[str]:
    """What may follow: the modules inside of a package, or all that stand alone for ""."""
    start = f"{package}." if package else ""
    names = {name[len(start) :].partition(".")[0] for name in list(sys.modules) if name.startswith(start)}
    if not package:
        return names | {module.name for module in pkgutil.iter_modules()}
    try:
        spec = importlib.util.find_spec(package)
    except (ImportError, ValueError):  # or it is there without a spec, as a script is, or a module that a test made
        return names
    folders = spec and spec.submodule_search_locations
    return names | {module.name for module in pkgutil.iter_modules(folders or ())}
