"""What the tests of the scenario language share: a run, a store of bytes, and scenarios made in Python."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from wiro_mock.kernel.catalog import Model
from wiro_mock.kernel.events import Job
from wiro_mock.kernel.files import Blob
from wiro_mock.kernel.plan import Step
from wiro_mock.scenario import Scenario

MODEL: Final = Model(
    id="598",
    owner="moondream3-preview",
    slug="caption",
    kind="text",
    cps=Decimal("0.000585"),
    defaults={"length": "normal", "top_p": "0.95"},
)
JOB: Final = Job(
    id="534574",
    token="t" * 30,
    account_uuid="u",
    project_id="p",
    model=MODEL,
    owner=MODEL.owner,
    project=MODEL.slug,
    parameters={"prompt": "a cat"},
    inputs=(),
    callback_url="",
    origin="",
    weight=0,
    scenario="",
)

stored: dict[str, bytes] = {}


def keep(data: bytes | Iterable[bytes], contenttype: str) -> Blob:
    """Store bytes in memory."""
    data = data if isinstance(data, bytes) else b"".join(data)
    digest = hashlib.sha256(data).hexdigest()
    stored[digest] = data
    return Blob(digest=digest, size=len(data), contenttype=contenttype)


def made(steps: Sequence[Any], **keys: Any) -> Scenario:
    """A scenario of these steps, as if it stood in line 3 of trial.yaml."""
    document = {"scenario": "trial", "about": "A trial.", "steps": list(steps), **keys}
    return Scenario.model_validate(document, context={"source": "trial.yaml:3"})


def events_of(steps: Sequence[Any]) -> list[Any]:
    """The events of the plan, in order."""
    return [item.event for item in made(steps).compile(JOB, keep).items if isinstance(item, Step)]


GOOD = "scenario: NAME\nabout: A trial.\nsteps:\n  - exit: 0\n"


def write(folder: Path, name: str, text: str | bytes) -> Path:
    """Put a file there."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def good(name: str, about: str = "A trial.") -> str:
    """A scenario that loads."""
    return GOOD.replace("NAME", name).replace("A trial.", about)


def with_file(name: str) -> str:
    """A scenario that sends this file."""
    return f"scenario: x\nabout: y\nsteps:\n  - produce: {{file: {name}}}\n  - exit: 0\n"
