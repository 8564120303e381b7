"""Answers and frames: a timeline is played in a simulation of its own, and the API's projections show it.

So they are what the mock itself sends, key for key. URLs are Wiro's own, and time begins at the epoch of a
virtual clock.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Final, NamedTuple

from hypothesis import note
from hypothesis import strategies as st

from wiro_mock import shapes
from wiro_mock.api import wire
from wiro_mock.api.frames import frame
from wiro_mock.api.origin import WIRO, Origins, origins
from wiro_mock.api.profile import Profile, find_profile
from wiro_mock.clock import EPOCH
from wiro_mock.kernel import ids
from wiro_mock.kernel.account import Account
from wiro_mock.kernel.catalog import Model
from wiro_mock.kernel.events import Entry
from wiro_mock.kernel.files import Blob
from wiro_mock.kernel.orders import InputBlob, Order
from wiro_mock.kernel.simulation import Simulation
from wiro_mock.kernel.task import Task
from wiro_mock.scenario import Scenario
from wiro_mock.strategies.writing import Step, timelines

_SEED: Final = "strategies"
_AT: Final[Origins] = origins(WIRO)
MODELS: Final = (
    Model(
        id="598",
        owner="moondream3-preview",
        slug="caption",
        kind="text",
        cps=Decimal("0.000585"),
        description="Moondream 3 writes a short, normal or long caption of an image.",
        categories=("image-to-text",),
        defaults={"length": "normal", "temperature": "0.7", "top_p": "0.95"},
    ),
    Model(
        id="701",
        owner="google",
        slug="nano-banana-pro",
        kind="image",
        cps=Decimal("0.0134"),
        description="Nano Banana Pro makes and edits images.",
        categories=("text-to-image",),
        defaults={"aspectRatio": "", "resolution": "1K", "safetySetting": "OFF"},
    ),
)
"""Two of the shipped models, written out: reading them from their files takes longer than many examples."""
_PICTURE: Final = InputBlob(blob=Blob(digest="0" * 64, size=12_345, contenttype="image/jpeg"), suffix=".jpg")
_PARAMETERS: Final[tuple[dict[str, Any], ...]] = (
    {},
    {"prompt": "a cat"},
    {"inputImage": [_PICTURE], "length": "short"},
    {"inputImage": "https://example.com/a%20cat.jpg", "prompt": "кот 猫 🐈\n$5", "seed": 42, "hd": True},
)
_RUNS: Final = [(model, parameters) for model in MODELS for parameters in _PARAMETERS]


def task_details(
    *, finished: bool | None = None, profile: str | Profile = "current"
) -> st.SearchStrategy[shapes.DetailAnswer]:
    """Answers of `Task/Detail` for one task, at any instant from its queueing to its end.

    `finished=True` gives tasks that stand in task_postprocess_end or task_cancel, `finished=False` all others.
    `profile` is the revision of the wire, by name or with switches of your own. The answer for a task that there is
    not is not among them: it is a refusal (`result` false, code 1), and the same for every task.

    The timeline behind a failing example is told beside it. Raises `ValueError` for no such profile.
    """
    return _details(finished, _found(profile))


def frame_sequences(*, ends: bool = True, profile: str | Profile = "current") -> st.SearchStrategy[list[shapes.Frame]]:
    """What the socket says about one task, from its first frame to the last.

    The last one is task_postprocess_end or task_cancel; with `ends=False` there are tasks too that come to no end,
    and whose frames stop where a hold, a stall or a failed set-up stops them. The welcome (`connected`) is no
    frame of a task, and not among them.
    """
    return _frames(ends, _found(profile))


class Played(NamedTuple):
    """A timeline that was played: the task whenever something had happened, and its log."""

    tasks: list[Task]
    log: list[Entry]


def play(steps: list[Step], model: Model, parameters: dict[str, Any]) -> Played:
    """Play a timeline as far as it goes by itself."""
    scenario = Scenario.model_validate({"scenario": "generated", "steps": steps})
    account = Account(uuid=ids.uuid(_SEED, "account"))
    sim = Simulation(seed=_SEED, account=account, planner=lambda job: scenario.compile(job, _blob), now=EPOCH)
    order = Order(
        model=model, owner=model.owner, project=model.slug, project_id="699", parameters=parameters, origin=WIRO
    )
    tasks = [sim.submit(order)]
    while (deadline := sim.next_deadline()) is not None:
        sim.advance(deadline)
        tasks += filter(None, [sim.task(tasks[0].job.id)])
    return Played(tasks, sim.log(tasks[0].job.id))


def _played(timeline: st.SearchStrategy[list[Step]]) -> st.SearchStrategy[tuple[list[Step], Played]]:
    return st.builds(lambda steps, run: (steps, play(steps, *run)), timeline, st.sampled_from(_RUNS))


_PLAYED: Final = _played(timelines())
_PLAYED_SO_FAR: Final = _played(timelines(ends=False))


def _blob(data: bytes | Iterable[bytes], contenttype: str) -> Blob:
    found = hashlib.sha256()
    size = 0
    for piece in (data,) if isinstance(data, bytes) else data:
        found.update(piece)
        size += len(piece)
    return Blob(digest=found.hexdigest(), size=size, contenttype=contenttype)


def _found(profile: str | Profile) -> Profile:
    return find_profile(profile) if isinstance(profile, str) else profile


@st.composite
def _details(draw: st.DrawFn, finished: bool | None, profile: Profile) -> shapes.DetailAnswer:  # noqa: FBT001
    steps, played = draw(_PLAYED)
    tasks = [task for task in played.tasks if finished in (None, task.finished)]
    task = tasks[draw(st.integers(0, len(tasks) - 1))]
    note(f"a task in {task.status} of the timeline {steps!r}")
    return wire.detail(task, _AT, profile)


@st.composite
def _frames(draw: st.DrawFn, ends: bool, profile: Profile) -> list[shapes.Frame]:  # noqa: FBT001
    steps, played = draw(_PLAYED if ends else _PLAYED_SO_FAR)
    note(f"the frames of the timeline {steps!r}")
    frames = (frame(entry, played.tasks[-1], _AT, profile) for entry in played.log)
    return [shape for shape in frames if shape is not None]
