"""Saying what URLs hold that runs send as inputs: bytes, or a file."""

from __future__ import annotations

import re
from difflib import get_close_matches
from itertools import islice
from os import PathLike, fspath
from pathlib import Path

from wiro_mock.inputs import InputUrl, type_of
from wiro_mock.language.inputs import normal_url
from wiro_mock.misuse import Misuse
from wiro_mock.mock import World

__tracebackhide__ = True  # a failure is in the tester's line
_TYPE = re.compile(r"[\w.+-]+/[\w.+-]+(; ?[\w-]+=[\w.-]+)?", re.ASCII)


def input_url(
    world: World,
    url: str,
    content: bytes | str | PathLike[str],
    *,
    content_type: str | None,
    where: str,
    optional: bool,
) -> InputUrl:
    """Declare what a URL holds. Raises `Misuse` for what is no URL, and for a file that cannot be read."""
    if not isinstance(content, bytes | bytearray | str | PathLike):
        raise Misuse(f"input_url: it holds bytes, or the file at a path, not {content!r:.60}")
    if content_type is not None and not (isinstance(content_type, str) and _TYPE.fullmatch(content_type)):
        raise Misuse(f"input_url: {content_type!r:.60} is no content type; write one such as image/png")
    source = bytes(content) if isinstance(content, bytes | bytearray) else Path(fspath(content))
    try:
        blob = world.inputs.stored(source, type_of(source, normal_url(url), content_type))
        with world.lock:
            return world.inputs.declare(url, blob, where=where, optional=optional)
    except OSError as error:
        raise Misuse(f"input_url: {str(source)!r} cannot be read: {error.strerror}; {_beside(source)}") from None
    except ValueError as error:
        raise Misuse(f"input_url: {error}") from None


def _beside(path: object) -> str:
    """What may have been meant instead of a file that is not there."""
    folder = Path(str(path)).absolute().parent
    names = [one.name for one in islice(folder.iterdir(), 1_000)] if folder.is_dir() else []
    near = get_close_matches(Path(str(path)).name, names, n=1, cutoff=0.6)
    return (
        f"did you mean {near[0]!r}?" if near else "a text is the path of a file; write bytes for what it holds itself"
    )
