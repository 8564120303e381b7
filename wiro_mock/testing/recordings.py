"""Writing out a run as a scenario, from a test."""

from __future__ import annotations

from os import PathLike
from pathlib import Path

from wiro_mock.kernel.catalog import clean_slug
from wiro_mock.misuse import Misuse
from wiro_mock.mock import World
from wiro_mock.recording import NotRecordable
from wiro_mock.recording import record as write

__tracebackhide__ = True  # a failure is in the tester's line


def record(world: World, task_id: str, folder: str | PathLike[str] | None, *, name: str) -> str:
    """The scenario of a task's log; written to `NAME.yaml` of the folder where one is given. Raises `Misuse`."""
    if name and name != clean_slug(name):
        raise Misuse(f"record: {name!r} is no name of a scenario; write {clean_slug(name) or 'my-scenario'}")
    with world.lock:
        world.settle()
        try:
            made = write(world.sim.log(task_id), world.blobs.read, name=name)
        except NotRecordable as error:
            raise Misuse(f"record: {error}") from None
        except KeyError:
            raise Misuse(f"record: the files of task {task_id} have been deleted; record it before that") from None
    if folder is None:
        if made.files:
            raise Misuse(f"record: {', '.join(made.files)} cannot be written into YAML; give a folder for them")
        return made.text
    where = Path(folder)
    where.mkdir(parents=True, exist_ok=True)
    for beside, data in made.files.items():
        (where / beside).write_bytes(data)
    (where / f"{name or f'recorded-{task_id}'}.yaml").write_text(made.text, encoding="utf-8")
    return made.text
