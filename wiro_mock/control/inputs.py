"""What URLs hold, as the control API shows and changes it."""
# ruff: noqa: ARG001 -- every resource is given the same three things

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import Any

from wiro_mock.control.asking import Answer, Mistake, only, text
from wiro_mock.kernel.files import Blob
from wiro_mock.mock import World


def list_inputs(world: World, body: Mapping[str, Any], query: Mapping[str, str]) -> Answer:
    """The URLs of which it is said what they hold, and what becomes of others."""
    return 200, {"inputs": [one.shown() for one in world.inputs], "undeclared": world.inputs.undeclared}


def declare_input(world: World, body: Mapping[str, Any], query: Mapping[str, str]) -> Answer:
    """`{"url": …, "text": …}` says what a URL holds; also `base64`, or `same_as` (the URL of an upload here), and
    `contenttype`. `{"undeclared": "echo|refuse"}` says what becomes of others.
    """
    only(body, ("url", "text", "base64", "same_as", "contenttype", "undeclared"))
    if "undeclared" in body:
        if body["undeclared"] not in ("echo", "refuse"):
            raise Mistake(f"undeclared is echo or refuse, not {str(body['undeclared'])[:60]!r}")
        world.inputs.undeclared = body["undeclared"]
    if "url" in body or "undeclared" not in body:
        try:
            url = text(body, "url", "")
            world.inputs.declare(url, _input_blob(world, body, url), where="POST /__wiro/inputs")
        except ValueError as error:
            raise Mistake(str(error)) from None
    return list_inputs(world, {}, {})


def clear_inputs(world: World, body: Mapping[str, Any], query: Mapping[str, str]) -> Answer:
    """Take back what was said of URLs, but for what scenarios say."""
    only(body, ())
    return 200, {"cleared": world.inputs.forget()}


def _input_blob(world: World, body: Mapping[str, Any], url: str) -> Blob:
    """What the URL is to hold, in the store. Raises `ValueError` and `Mistake`."""
    from wiro_mock.inputs import type_of
    from wiro_mock.language.inputs import normal_url

    kind = text(body, "contenttype", "") or type_of(b"", normal_url(url), None)
    if not re.fullmatch(r"[\w.+-]+/[\w.+-]+(; ?[\w-]+=[\w.-]+)?", kind, re.ASCII):
        raise Mistake(f"contenttype is a type such as image/png, not {kind[:60]!r}")
    given = [key for key in ("text", "base64", "same_as") if key in body]
    if len(given) != 1:
        raise Mistake('send one of "text", "base64" and "same_as" (the URL of an upload here) with "url"')
    value = text(body, given[0])
    if given[0] == "same_as":
        if (held := world.held(value)) is None:
            raise Mistake(f"same_as is the URL of a file here, such as File/Upload answers with, not {value[:60]!r}")
        return world.inputs.again(held)
    return world.inputs.stored(_decoded(value) if given[0] == "base64" else value.encode(errors="replace"), kind)


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        raise Mistake("base64 is the bytes in base64 (RFC 4648 §4), without line ends") from None
